/** @file What the editor may ask of `ulpt serve`, as tasks of a work thread. Models stay open between them. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { parseRecordedSettings } from "../experiment/recorded.ts";
import { modelFolderFiles, tokenizerConfigFile } from "../formats/modelFolder.ts";
import type { Device } from "../graph/devices.ts";
import type { FetchProgress } from "../hub/hub.ts";
import { readDimensions } from "../models/model.ts";
import { devicesFor, type Precision } from "../models/quantize/recipe.ts";
import { runPaths } from "../runs/layout.ts";
import type { AnswerPiece, ServiceMethod, ServiceMethods, ServiceProgress } from "../shared/service.ts";
import { sharePrompt } from "../training/adapters.ts";
import { reckonCost } from "../training/cost.ts";
import { wantedRows } from "../training/evaluationPlace.ts";
import { exportPrompt } from "../training/export.ts";
import { LoadedModel } from "../training/loadedModel.ts";
import { findRun, recordedFolder, workspaceOf } from "../training/references.ts";
import type { ModelPlace } from "../training/scoring.ts";
import { locateModel, locateTask } from "../training/sources.ts";
import { comparisonText } from "./compare.ts";
import { measureFitting } from "./cost.ts";
import { bringCuda, planCuda, stateOfCuda, takeCudaAway } from "./cuda.ts";
import { openSubject, previewOf } from "./data.ts";
import { costDefaults } from "./defaults.ts";
import { reportDevice, reportDevices, resolveDevice } from "./devices.ts";
import { evaluateCheckpoint, evaluatePrompt, taskOfRun } from "./evaluate.ts";
import { openHub } from "./hub.ts";
import { placeFor, precisionsOf } from "./modelPlace.ts";
import { answerTexts, type RowPiece } from "./predict.ts";
import { importInto, promptToShare } from "./share.ts";
import { inspectTarget } from "./show.ts";
import { surveyModels } from "./survey.ts";
import { modelOf, openCheckpoint, openPrompt, openTarget, precisionOf, type Target } from "./target.ts";
import type { Task } from "./work.ts";

/** The name of the task that answers a method. */
export function taskOfMethod(method: string): string {
  return `serve/${method}`;
}

/** What a task tells while it works. */
export type TaskProgress = { fetching: ServiceProgress } | { piece: AnswerPiece };

/** Each takes the parameters of its method; their progress is TaskProgress. */
export function serviceTasks(): Record<string, Task> {
  const handlers = Object.entries(createHandlers(new ModelCache())) as [string, Handler][];
  return Object.fromEntries(
    handlers.map(([method, handle]): [string, Task] => [
      taskOfMethod(method),
      ({ signal, onProgress }, params: unknown) => {
        const tell = (progress: TaskProgress) => onProgress(progress);
        return handle(params, {
          signal,
          onProgress: ({ file, bytes, totalBytes, bytesPerSecond, secondsLeft }) =>
            tell({ fetching: { what: file, done: bytes, total: totalBytes, bytesPerSecond, secondsLeft } }),
          onPiece: (piece) => tell({ piece }),
        });
      },
    ]),
  );
}

type Handler = (params: unknown, context: Context) => Promise<unknown>;

interface Context {
  signal: AbortSignal;
  onProgress: (progress: FetchProgress) => void;
  onPiece: (piece: AnswerPiece) => void;
}

type Handlers = {
  [M in ServiceMethod]: (params: ServiceMethods[M]["params"], context: Context) => Promise<ServiceMethods[M]["result"]>;
};

/** What each method does. The processor is used but for evaluations: it is there, and its bits are the same everywhere. */
function createHandlers(models: ModelCache): Handlers {
  const open = async (target: Target, options: Parameters<typeof modelOf>[1]) =>
    models.openInPrecision(await modelOf(target, options), "float32", options?.signal);
  // Editors inspect what is opened: that alone fetches no model.
  const inspect = (target: Target, context: Context, wanted = false) =>
    inspectTarget(target, () => open(target, { ...context, wanted }));
  return {
    inspect: ({ checkpoint }, context) => inspect(openCheckpoint(checkpoint), context),
    inspectPrompt: ({ prompt, workspace, fetch }, context) => inspect(openPrompt(prompt, workspace), context, fetch),
    async try({ target: name, text, raw, maxNewTokens, stop, workspace, piecesToken: _, ...sampling }, context) {
      const target = openTarget(name, workspace);
      const { signal } = context;
      const place = await placeOfAnswers(target);
      const precisions = precisionsOf(target, place);
      const lengths = { with: 0, without: 0 };
      const onPiece = ({ prompted, text }: RowPiece) => {
        const which = prompted ? "with" : "without";
        context.onPiece({ prompted, at: lengths[which], text, precisions });
        lengths[which] += text.length;
      };
      const options = { raw, maxNewTokens, stop, sampling, signal, onPiece };
      const { device, precision } = place;
      const model = await models.openInPrecision(await modelOf(target, context), precision, signal, device);
      const [answer] = await answerTexts(target, [text], model, options);
      return { ...answer!, precisions };
    },
    async evaluate({ checkpoint, split, file, like, runGeneratedCode }, { signal }) {
      const target = openTarget(checkpoint);
      const place = await placeFor(target, {});
      const tracking = { signal, allowPrograms: runGeneratedCode ?? false };
      const on = wantedRows(split, file);
      if (target.kind === "checkpoint") return (await evaluateCheckpoint(target, on, place, tracking)).report;
      return (await evaluatePrompt(target, taskOfRun(findRun(like ?? "")), on, place, tracking)).report;
    },
    compare: async (params) => comparisonText(params),
    async preview({ experiment, split, rows }, context) {
      const { task, model, directory } = openSubject(experiment);
      return previewOf(task, model, directory, { split, rows }, context);
    },
    async download({ experiment }, context) {
      const { task, model, directory } = openSubject(experiment);
      const warnings: string[] = [];
      const where = { directory, hub: openHub(), ...context, onWarning: (text: string) => void warnings.push(text) };
      const { folder } = await locateModel(model!, where);
      await locateTask(task, where);
      return { model: folder, warnings };
    },
    cachedModels: async () => (await openHub().cached()).map(({ id }) => id),
    async export({ checkpoint, name, workspace }, context) {
      const target = openCheckpoint(checkpoint);
      return exportPrompt(target, name, workspace, await open(target, context));
    },
    async share({ target: name, format, name: promptName, workspace }, context) {
      const target = openTarget(name, workspace);
      const loaded = await open(target, context);
      return sharePrompt(format, await promptToShare(target, loaded), promptName, workspace, loaded.model);
    },
    importAdapter: ({ adapter, workspace, ...options }, context) =>
      importInto(adapter, { ...options, workspace, directory: workspace }, context, (folder) =>
        models.openInPrecision(folder, "float32", context.signal),
      ),
    survey: ({ models: names, ...options }, context) => surveyModels(names, options, context),
    async cost({ run: name, measure }, context) {
      const run = findRun(name);
      const { model: source, directory } = parseRecordedSettings(run.spec.settings, runPaths(run.directory).run);
      const { folder } = await locateModel(source, {
        directory: recordedFolder(workspaceOf(run), directory),
        hub: openHub(),
        revision: run.spec.model.revision,
        part: measure ? "all" : "tokenizer",
        wanted: measure,
        ...context,
      });
      const { promptLength, rank } = run.spec;
      const ranks = rank === null ? costDefaults.ranks : [rank];
      const cost = reckonCost(readDimensions(folder), { promptLength, ranks });
      if (!measure) return { cost, measured: null };
      const { device } = await resolveDevice(run.spec.device as Device);
      const { textLengths } = costDefaults;
      const options = { promptLength, ranks, device, textLengths, signal: context.signal };
      const opened = await models.openInPrecision(folder, "float32", context.signal, device);
      return { cost, measured: await measureFitting(opened.model, options) };
    },
    devices: () => reportDevices(),
    cudaState: async () => stateOfCuda() ?? null,
    planCuda: (_, { signal }) => planCuda(signal),
    async installCuda(_, context) {
      const state = await bringCuda(context);
      return { state, report: await reportDevice("cuda") };
    },
    removeCuda: async () => ({ bytes: await takeCudaAway() }),
  };
}

/** A few texts are answered on the cpu, where it multiplies as in the training; if nothing here does, in float32. */
async function placeOfAnswers(target: Target): Promise<ModelPlace> {
  const precision = precisionOf(target);
  return devicesFor(precision).includes("cpu") ? { device: "cpu", precision } : placeFor(target, {}, true);
}

/** The models used last stay open; requests run one at a time, so nobody uses one that is released. */
export class ModelCache {
  private static readonly capacity = 2;
  private readonly entries = new Map<string, LoadedModel>();

  /** The model in `folder`, opened again if its files changed. */
  async openInPrecision(
    folder: string,
    precision: Precision,
    signal?: AbortSignal,
    device: Device = "cpu",
  ): Promise<LoadedModel> {
    const key = keyOf(folder, device, precision);
    const options = { precision, device, hub: openHub(), signal };
    return this.keep(key, this.entries.get(key) ?? (await LoadedModel.openInPrecision(folder, options)));
  }

  private keep(key: string, model: LoadedModel): LoadedModel {
    this.entries.delete(key);
    this.entries.set(key, model); // the order of a map is that of insertion: the last is the latest
    for (const [oldest, entry] of this.entries) {
      if (this.entries.size <= ModelCache.capacity) break;
      this.entries.delete(oldest);
      void entry.release().catch(() => {});
    }
    return model;
  }

  async release(): Promise<void> {
    const all = [...this.entries.values()];
    this.entries.clear();
    await Promise.allSettled(all.map((model) => model.release()));
  }
}

function keyOf(folder: string, device: Device, precision: Precision): string {
  return `${device} ${precision} ${folder} ${stamp(folder)}`;
}

/** Changes when a file of the model is replaced. */
function stamp(folder: string): string {
  return [...modelFolderFiles.flat(), tokenizerConfigFile]
    .map((file) => statSync(join(folder, file), { throwIfNoEntry: false }))
    .map((stat) => (stat ? `${stat.size}:${stat.mtimeMs}` : "-"))
    .join(" ");
}
