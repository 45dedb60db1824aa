/** @file Where the model and the rows of a run are: folders and files beside the experiment, or the cache of the Hub. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type ErrorCode, UlptError } from "../errors.ts";
import { parseHubId } from "../experiment/hubId.ts";
import { mayLookAt, namesNetwork } from "../experiment/localPath.ts";
import { knownModels } from "../formats/knownModels.ts";
import { ggufAlone, isGguf } from "../formats/modelFolder.ts";
import type { FetchProgress, Hub } from "../hub/hub.ts";
import type { ModelPart } from "../hub/modelFiles.ts";
import { suggestId } from "../hub/names.ts";
import { isHubTask, type TaskDefinition } from "../tasks/definition.ts";
import { filesBeside, type LoadOptions, sourcesOf } from "../tasks/examples.ts";

export interface SourceOptions {
  /** Absolute: what relative paths start at. */
  directory: string;
  hub: Hub;
  /** Commit to take, as a run recorded it; default: what the experiment says, else the newest. */
  revision?: string | undefined;
  /** What is needed of a model: all of it, no weights, or only what describes it. */
  part?: ModelPart | undefined;
  /** Whether somebody asked for the model, so that it may be fetched and looked for on other machines; default: true. */
  wanted?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: FetchProgress) => void) | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

export interface LocatedModel {
  folder: string;
  /** Commit on the Hub. */
  revision: string | undefined;
  /** Bytes that would still have to be downloaded before the model can be used; 0 where they were not counted. */
  left: number;
}

/**
 * The folder of a model: the one of that path, else the snapshot of that model of the Hub, downloaded if it is not in the cache.
 * @throws MODEL_MISSING, HUB_*; MODEL_ELSEWHERE where it is not `wanted` and not on this machine; the signal's reason when aborted
 */
export async function locateModel(
  source: string,
  { directory, hub, revision, part, wanted = true, ...options }: SourceOptions,
): Promise<LocatedModel> {
  const folder = resolve(directory, source);
  if (!wanted && (namesNetwork(source) || !(await mayLookAt(folder, { folders: [], trusted: true })))) {
    throw elsewhere(source, "The model lies on another machine, which is not asked before somebody wants it.");
  }
  if (isFolder(folder)) return { folder, revision: undefined, left: 0 };
  if (isGguf(folder) && existsSync(folder)) throw ggufAlone("The file", folder);
  const named = parseHubId(source);
  // `models/t5` could be either; beside a folder `models` it is meant as a path, and nobody is asked over the network.
  if (!named || isFolder(resolve(directory, source.split("/")[0]!))) {
    const near = suggestId(
      source,
      knownModels.map(({ id }) => id),
    );
    throw new UlptError("MODEL_MISSING", `The model ${JSON.stringify(source)} is not there.`, {
      where: folder,
      expected:
        "a folder with config.json, model.safetensors and tokenizer.json, or a model of the Hugging Face Hub like google-t5/t5-base",
      hint: `${near ? `Did you mean ${JSON.stringify(near)}? ` : ""}Check how it is written; the relative path of an experiment's "model" starts at the experiment file.`,
    });
  }
  const found = await (wanted ? hub : hub.offline())
    .model(named.id, { ...transferOptions(options), part, revision: revision ?? named.revision })
    .catch((error: unknown) => {
      if (!wanted && error instanceof UlptError && error.code === "HUB_OFFLINE") {
        throw elsewhere(source, `The model ${source} is not on this machine.`);
      }
      throw error instanceof UlptError && notFound.has(error.code) ? withoutFolder(error, folder) : error;
    });
  for (const warning of found.warnings) options.onWarning?.(warning);
  return { folder: found.folder, revision: found.commit, left: found.left };
}

function elsewhere(source: string, message: string): UlptError {
  return new UlptError("MODEL_ELSEWHERE", message, {
    where: source,
    hint: "Download it, or train, try or evaluate with it: that fetches it.",
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const notFound: ReadonlySet<ErrorCode> = new Set(["HUB_NOT_FOUND", "HUB_UNREACHABLE", "HUB_OFFLINE"]);

/** The same error, for a reader who may have meant a folder. */
function withoutFolder(error: UlptError, folder: string): UlptError {
  const { code, message, where, expected, hint } = error;
  const details = { where, expected: `${expected ?? "the model"}; there is no folder ${folder} either`, hint };
  return new UlptError(code, message, { ...details, cause: error });
}

export interface LocatedTask {
  filesOf: LoadOptions["filesOf"];
  /** Commit of the data set on the Hub. */
  revision: string | undefined;
}

/**
 * The files of a task's rows, downloaded if they are those of a data set that is not in the cache.
 * @throws HUB_*; the signal's reason when aborted
 */
export async function locateTask(
  task: TaskDefinition,
  { directory, hub, revision, ...options }: SourceOptions,
): Promise<LocatedTask> {
  if (!isHubTask(task)) return { filesOf: filesBeside(directory), revision: undefined };
  const [id, written] = task.dataset.split("@") as [string, string | undefined];
  const found = await hub.dataset(id, {
    ...transferOptions(options),
    config: task.config,
    revision: revision ?? written,
    splits: sourcesOf(task),
  });
  for (const warning of found.warnings) options.onWarning?.(warning);
  return { filesOf: (source) => found.files[source]!, revision: found.commit };
}

function transferOptions({ signal, onProgress }: Pick<SourceOptions, "signal" | "onProgress">) {
  return { signal, onProgress };
}
