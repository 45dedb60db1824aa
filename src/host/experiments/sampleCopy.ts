/** @file The bundled sample and its models, copied to where somebody can change them. Knows no `vscode`. */
import { cp, mkdir, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { runsFolder } from "../../runs/layout.ts";

/** Where the sample goes in `parent`: `ulpt-sample`, or `ulpt-sample-2` … where that exists. */
export async function sampleFolder(parent: string): Promise<string> {
  const taken = new Set(await readdir(parent));
  for (let number = 1; ; number++) {
    const name = number === 1 ? "ulpt-sample" : `ulpt-sample-${number}`;
    if (!taken.has(name)) return join(parent, name);
  }
}

/** Copies the sample, without the runs that may have been made in it. */
export async function copySample(sample: string, folder: string): Promise<void> {
  const filter = (source: string) => !/^(\.ulpt|prompts)$/.test(basename(source));
  await cp(sample, folder, { recursive: true, errorOnExist: true, force: false, filter });
  await mkdir(runsFolder(folder), { recursive: true }); // the extension begins by itself in a window that finds it
}

/** The folders of the models that come with the sample. */
export async function embeddedModels(sample: string): Promise<string[]> {
  const folder = join(sample, "models");
  return (await readdir(folder).catch(() => [])).sort().map((name) => join(folder, name));
}

/** Copies a model into the folder `models` of `workspace`, unless one of its name is there. Returns its folder. */
export async function copyModel(model: string, workspace: string): Promise<string> {
  const folder = join(workspace, "models", basename(model));
  await cp(model, folder, { recursive: true, errorOnExist: false, force: false });
  return folder;
}

/** Whether `folder` is the sample, or a copy of it. */
export async function isSample(folder: string): Promise<boolean> {
  try {
    return (await stat(join(folder, "complaint.ulpt.json"))).isFile();
  } catch {
    return false;
  }
}
