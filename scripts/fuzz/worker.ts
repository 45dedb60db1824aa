/**
 * @file A process that reads damaged files, one after the other, as its parent asks. It may hang, crash or run out of memory: the
 * parent then ends it, and knows at which input.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, UlptError } from "../../src/errors.ts";
import { Surroundings } from "../../test/support/surroundings.ts";
import { inputOf } from "./input.ts";
import { targets } from "./targets.ts";

export interface Request {
  target: string;
  seed: number;
  index: number;
}

/** What went wrong with an input; empty if nothing did. */
export interface Answer {
  fault: string;
}

const [base, home, deadline] = process.argv.slice(2) as [string, string, string];
const workspace = join(home, "workspace");
const outside = new Surroundings(join(home, "outside"));
outside.write("decoy.txt", "of somebody else");
outside.write("decoy.json", "{}");
Object.assign(process.env, {
  ...{ HOME: outside.folder, XDG_CACHE_HOME: outside.folder, HF_HOME: outside.folder },
  ...{ HF_ENDPOINT: "http://127.0.0.1:9", HF_HUB_OFFLINE: "1", HF_TOKEN: "" },
});
mkdirSync(home, { recursive: true });
restore(".");
process.chdir(workspace);
outside.remember();

/** Makes a file or folder of the workspace as it was. */
function restore(path: string): void {
  rmSync(join(workspace, path), { recursive: true, force: true });
  cpSync(join(base, path), join(workspace, path), { recursive: true, verbatimSymlinks: true });
}

async function answer({ target: name, seed, index }: Request): Promise<Answer> {
  const target = targets[name]!;
  const { file, bytes, random } = inputOf(base, name, target, seed, index);
  writeFileSync(join(workspace, file), bytes);
  let fault = "";
  try {
    await target.use({ workspace, file, random, signal: AbortSignal.timeout(Number(deadline)) });
  } catch (error) {
    if (!(error instanceof UlptError))
      fault = `INTERNAL: ${(error instanceof Error && error.stack) || messageOf(error)}`;
    else if (error.code === "INTERNAL") fault = error.describe();
  }
  const changes = outside.changes();
  if (changes.length > 0) {
    fault = `${fault}\nchanged outside the workspace: ${changes.join(", ")}`.trim();
    outside.remember();
  }
  for (const path of [file, ...(target.writes ?? [])]) restore(path);
  return { fault };
}

// Whatever nobody waited for is a fault of the input that was being read.
let stray = "";
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    stray = `${event}: ${(error instanceof Error && error.stack) || messageOf(error)}`;
  });
}
process.on("message", (request: Request) => {
  void answer(request).then(({ fault }) => {
    process.send!({ fault: fault || stray } satisfies Answer);
    stray = "";
  });
});
process.send!({ fault: "" } satisfies Answer);
