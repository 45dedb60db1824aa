/** @file One run in its run directory, from its saved state, if any, to its end: steps, evaluations, checkpoints, journal. */
import { z } from "zod";
import { exitCodes, messageOf, UlptError } from "../errors.ts";
import { canonicalJson } from "../experiment/describe.ts";
import { parseRecordedSettings, type RecordedSettings } from "../experiment/recorded.ts";
import { engineVersion } from "../graph/engine.ts";
import { readResult } from "../listing/reader.ts";
import { gain } from "../metrics/kinds.ts";
import { type ParameterValues, type PromptMethod, parameterCount } from "../prompts/method.ts";
import { PromptSession, portsInUse } from "../prompts/prompt.ts";
import { dataOf } from "../results/rows.ts";
import {
  checkpointsToDelete,
  deleteCheckpoints,
  listCheckpoints,
  loadCheckpoint,
  saveCheckpoint,
} from "../runs/checkpoints.ts";
import { evaluationName, keepEvaluation } from "../runs/evaluations.ts";
import { JournalWriter, type NewEvent } from "../runs/journal.ts";
import { checkpointPath, runPaths } from "../runs/layout.ts";
import { openLog, type RunLog } from "../runs/log.ts";
import { claimRun, type Ownership } from "../runs/owner.ts";
import { savePredictions } from "../runs/predictions.ts";
import { quantizationText } from "../runs/quantizationText.ts";
import {
  type EndState,
  type EvaluationEvent,
  issueText,
  type JournalEvent,
  type MemoryEstimate,
} from "../runs/schema.ts";
import { loadState, type StateTensor, saveState, startAgain, type TrainingState } from "../runs/state.ts";
import { clearStopRequest, type Run, runState, stopRequested } from "../runs/store.ts";
import { checkpointMetricOf } from "../tasks/definition.ts";
import { describeDropped } from "../tasks/usedRows.ts";
import {
  type Evaluation,
  type EvaluationOptions,
  evaluate,
  evaluationTokens,
  longestAnswer,
  type Questions,
  splitMetrics,
} from "./evaluation.ts";
import { evaluatedRows, evaluationRecord, keptRows } from "./keptRows.ts";
import { createMethod, methodMetadata, parametersFrom } from "./method.ts";
import { peakMemory } from "./peakMemory.ts";
import { leadingCount, textsOf } from "./position.ts";
import { behind, promptedBy, TextReader, useOf } from "./prompted.ts";
import { recordedFolder, workspaceOf } from "./references.ts";
import type { Resources, Unprompted } from "./resources.ts";
import { type OpenedStart, openStart, scoresOf, startRemarks, startSources } from "./start.ts";
import { Trainer, type TrainerState } from "./trainer.ts";

/** What a run tells while it goes: what it wrote to the journal, and how far an evaluation is. */
export type RunProgress =
  | JournalEvent
  | { type: "evaluating"; split: "validation" | "test"; done: number; total: number };

export interface ExecuteOptions {
  signal?: AbortSignal | undefined;
  /** Take the run over from a process that seems to hold it. */
  takeOver?: boolean | undefined;
  /** The device that this process is held to, one of its kind, by the name that people know it by. */
  on?: string | undefined;
  /** What the run was said to take, for its journal. */
  estimatedMemory?: MemoryEstimate | undefined;
  /**
   * The step after which the run is paused, a multiple of `evaluateEvery`: what it does until then, and when it goes on, is what it
   * does without a pause.
   */
  pauseAt?: number | undefined;
  onProgress?: ((progress: RunProgress) => void) | undefined;
}

/** State and heartbeat are written at least this often, in milliseconds. */
const saveInterval = 5_000;

/** How well the run has done so far; part of its saved state. */
const standing = z.object({
  bestStep: z.int().min(0).nullable(),
  bestScore: z.number(),
  evaluationsSinceBest: z.int().min(0),
  /** Last step that was evaluated; −1 before the first. */
  evaluatedStep: z.int().min(-1),
});
type Standing = z.infer<typeof standing>;

const savedValues = z
  .object({
    step: z.int().min(0),
    optimizerStep: z.int().min(0),
    standing,
    /** SHA-256 of what the method makes from seeds, by name. */
    frozen: z.record(z.string(), z.string()).optional(),
    /** The same in states of before methods could have other such tensors than a projection. */
    projectionSha256: z.string().nullable().optional(),
  })
  .transform(({ frozen, projectionSha256, ...others }) => ({
    ...others,
    frozen: frozen ?? (projectionSha256 ? { projection: projectionSha256 } : {}),
  }));

/** @throws OPTION_INVALID where the prompt and the longest text do not fit into the model's positions */
function requirePositions(method: PromptMethod, { model, dataset }: Resources): void {
  const { maxPositions } = model.config;
  const { promptLength } = useOf(method);
  // The last token of a target is only asked for, not read.
  const needed = promptLength + dataset.longestExample - 1;
  if (maxPositions === undefined || needed <= maxPositions) return;
  throw new UlptError("OPTION_INVALID", `The prompt and the longest text need ${needed} positions.`, {
    where: "promptLength, task.maxSourceLength, task.maxTargetLength",
    expected: `at most ${maxPositions}, which is what the model has`,
    hint: `Lower one of them: ${promptLength} prompt tokens leave ${Math.max(0, maxPositions - promptLength)} for a source and its target.`,
  });
}

/**
 * Trains a run to its end. A run that has state goes on exactly where that was saved; a finished run returns at once.
 * @throws STOPPED after saving, when `signal` aborts or a stop was requested; NOT_FINITE; RUN_BUSY; RUN_FENCED; DISK_FULL; …
 */
export async function executeRun(run: Run, resources: Resources, options: ExecuteOptions = {}): Promise<EndState> {
  const state = runState(run.directory);
  if (state === "finished" || state === "early-stopped") return state;
  requireSameInputs(run, resources);
  // What cannot work is found before the run is claimed.
  const settings = parseRecordedSettings(run.spec.settings, runPaths(run.directory).run);
  const method = createMethod(settings.method, settings.promptLength, resources);
  const leading = leadingCount(settings.promptPosition, resources.model, textsOf(resources), portsInUse(method));
  requirePositions(method, resources);
  const ownership = claimRun(run.directory, { takeOver: options.takeOver ?? false, device: options.on });
  clearStopRequest(run.directory);
  const execution = new Execution(run, resources, { settings, method, leading, ownership, options });
  try {
    return await execution.toEnd();
  } finally {
    await execution.close();
  }
}

function requireSameInputs({ directory, spec }: Run, resources: Resources): void {
  const { task, modelSha256, modelFiles, device, recipe } = resources;
  if (spec.device !== device) {
    throw new UlptError("RUN_INVALID", `This run began on ${spec.device}; on ${device} its losses would be others.`, {
      where: directory,
      expected: spec.device,
      hint: `Go on with it on ${spec.device}, or train a new run.`,
    });
  }
  const changed = (what: string, was: string, is: string) =>
    new UlptError("RUN_INVALID", `${what} changed since this run was created.`, {
      where: directory,
      expected: `sha256 ${was}, found ${is}`,
      hint: "Restore it to go on with this run, or train a new one.",
    });
  if (spec.model.weightsSha256 !== modelSha256) throw changed("The model", spec.model.weightsSha256, modelSha256);
  const was = spec.model.quantization;
  if (canonicalJson(was ?? null) !== canonicalJson(recipe ?? null)) {
    const text = (one: typeof was) => (one ? quantizationText(one) : "float32");
    throw new UlptError("RUN_INVALID", "The weights are rounded in another way than when this run was created.", {
      where: directory,
      expected: `${text(was)}, not ${text(recipe)}`,
      hint: "Go on with it by the version of ULPT Lab that made it, or train a new run.",
    });
  }
  for (const [name, recorded] of Object.entries(spec.model.files ?? {})) {
    if (modelFiles[name] !== recorded) throw changed(`The model's ${name}`, recorded, modelFiles[name] ?? "(none)");
  }
  for (const [split, { path, sha256 }] of Object.entries(task.files)) {
    const recorded = spec.data.sha256[split];
    if (recorded !== sha256) throw changed(`The data file ${path}`, recorded ?? "(none)", sha256);
  }
}

/** A smaller share of unknown tokens, such as a few emoji, is not worth a warning. */
const notableShare = 0.01;

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

class Execution {
  private readonly settings: RecordedSettings;
  private journal: JournalWriter | undefined;
  private log: RunLog | undefined;
  private readonly method: PromptMethod;
  /** So many tokens of every text stand before the prompt. */
  private readonly leading: number;
  private readonly run: Run;
  private readonly resources: Resources;
  private readonly ownership: Ownership;
  private readonly options: ExecuteOptions;
  private standing: Standing = { bestStep: null, bestScore: -1, evaluationsSinceBest: 0, evaluatedStep: -1 };
  private prompt: PromptSession | undefined;
  private readonly reader: TextReader;
  private trainer: Trainer | undefined;
  private savedAt = Date.now();

  constructor(
    run: Run,
    resources: Resources,
    parts: {
      settings: RecordedSettings;
      method: PromptMethod;
      leading: number;
      ownership: Ownership;
      options: ExecuteOptions;
    },
  ) {
    this.run = run;
    this.resources = resources;
    this.settings = parts.settings;
    this.method = parts.method;
    this.leading = parts.leading;
    this.reader = new TextReader(resources.model);
    this.ownership = parts.ownership;
    this.options = parts.options;
  }

  async toEnd(): Promise<EndState> {
    try {
      const end = await this.train();
      this.finish(end, exitCodes.ok);
      return end;
    } catch (error) {
      const isStop = this.options.signal?.aborted && error === this.options.signal.reason && this.trainer;
      throw this.recordFailure(isStop ? this.stopped() : error);
    }
  }

  async close(): Promise<void> {
    this.journal?.close();
    this.log?.close();
    await this.prompt?.release();
  }

  private async train(): Promise<EndState> {
    const { training, seed } = this.settings;
    const { pauseAt = Number.POSITIVE_INFINITY, on = this.resources.device } = this.options;
    const paths = runPaths(this.run.directory);
    this.journal = JournalWriter.open(paths.events, this.ownership.attempt);
    this.log = openLog(paths.log);
    const saved = loadState(this.run.directory);
    const start = saved ? undefined : await this.openStart();
    this.prompt = await PromptSession.create(this.method);
    this.trainer = new Trainer(
      {
        loss: await this.resources.lossFunction(training, this.prompt.ports),
        prompt: this.prompt,
        reader: this.reader,
        examples: this.resources.dataset.train.tokens,
        leading: this.leading,
        training,
        seed,
        start: startSources(start, this.resources),
        signal: this.options.signal,
        findNotFinite: () => this.resources.model.weights.findNotFinite(),
      },
      saved ? this.restore(saved) : undefined,
    );
    const { trainer } = this;
    this.record({
      type: "status",
      state: "running",
      fromStep: trainer.state.step,
      totalSteps: training.steps,
      ...(this.options.estimatedMemory && { estimatedMemory: this.options.estimatedMemory }),
    });
    this.log.line(`attempt ${this.ownership.attempt} on ${on}, from step ${trainer.state.step} of ${training.steps}`);
    await this.warnOfOtherEngine();
    if (saved && !saved.checked) {
      this.warn(
        "STATE_UNCHECKED",
        "An older version saved this run's state, without a hash: damage to it would not be found.",
      );
    }
    if (this.journal.startsTorn) {
      this.warn("JOURNAL_TORN", "An earlier attempt was cut off within the journal's last line; it is skipped.");
    }
    if (trainer.state.step === 0) {
      this.warnings();
      if (start) for (const { code, message } of await this.remarksOn(start)) this.warn(code, message);
      if (this.standing.evaluatedStep < 0) this.checkpoint(undefined);
      if (this.method.startsFrom === "prompt" && this.standing.evaluatedStep < 0) await this.validate();
    }
    for (;;) {
      const due = trainer.state.step > 0 && (trainer.state.step % training.evaluateEvery === 0 || trainer.finished);
      if (due && this.standing.evaluatedStep !== trainer.state.step) await this.validate();
      const patience = training.earlyStopping?.patience ?? Number.POSITIVE_INFINITY;
      const stoppedEarly = this.standing.evaluationsSinceBest >= patience;
      if (trainer.finished || stoppedEarly) {
        await this.test();
        return stoppedEarly && !trainer.finished ? "early-stopped" : "finished";
      }
      if (trainer.state.step >= pauseAt) return "paused";
      this.requireNoStop();
      this.record({ type: "step", ...(await trainer.step()) });
      if (Date.now() - this.savedAt > saveInterval) this.save();
    }
  }

  private openStart(): Promise<OpenedStart | undefined> {
    const directory = recordedFolder(workspaceOf(this.run), this.settings.directory);
    return openStart(this.settings.method, directory, this.resources, this.run.spec.start);
  }

  private remarksOn(start: OpenedStart) {
    return startRemarks(this.method, this.trainer!.state.parameters, start);
  }

  /** Appends to the journal and tells whoever watches. */
  private record(event: NewEvent): void {
    if (!this.journal) return;
    this.ownership.assertOwned(); // also between two saves an orphan adds nothing to what a newer attempt writes
    this.options.onProgress?.(this.journal.append(event));
  }

  private warn(code: string, message: string): void {
    this.record({ type: "warning", code, message });
    this.log?.line(`warning ${code}: ${message}`);
  }

  private async warnOfOtherEngine(): Promise<void> {
    const [began, now] = [this.run.spec.versions.onnxruntime, await engineVersion()];
    if (began === now) return;
    this.warn(
      "ENGINE_CHANGED",
      `This run began with onnxruntime ${began}; with ${now} its losses may differ in their last bits.`,
    );
  }

  private warnings(): void {
    const { dataset } = this.resources;
    const { hiddenSize, rank } = this.method;
    if (rank !== undefined && rank > hiddenSize) {
      this.warn(
        "RANK_ABOVE_HIDDEN_SIZE",
        `Rank ${rank} is above the model's hidden size ${hiddenSize}: more is trained (${parameterCount(this.method)}) than the prompt itself holds (${this.method.promptLength * hiddenSize}).`,
      );
    }
    const { count, first } = dataset.changedTargets;
    if (first !== undefined) {
      this.warn(
        "TARGETS_REWRITTEN",
        `The tokenizer writes ${count} target(s) back differently, such as ${JSON.stringify(first)}; answers are compared with what it writes.`,
      );
    }
    for (const dropped of this.resources.task.dropped) this.warn("ROWS_DROPPED", describeDropped(dropped));
    for (const message of this.resources.task.doubtfulLabels) this.warn("LABELS_ALIKE", message);
    for (const { code, message } of this.resources.task.remarks) this.warn(code, message);
    const { maxSourceLength, maxTargetLength } = this.settings.task;
    for (const split of ["train", "validation", "test"] as const) {
      const { truncated, truncatedTargets, unknown, lostTargets, examples } = dataset[split];
      if (truncated > 0) {
        this.warn(
          "SOURCES_TRUNCATED",
          `${truncated} of ${examples.length} ${split} sources are longer than ${maxSourceLength} tokens and lose a part of their text (task.maxSourceLength).`,
        );
      }
      if (unknown.wholeSources > 0 || unknown.tokens > notableShare * unknown.of) {
        const whole =
          unknown.wholeSources === 0 ? "" : `; ${unknown.wholeSources} of ${examples.length} are nothing else`;
        this.warn(
          "SOURCES_UNKNOWN",
          `${percent(unknown.tokens / unknown.of)} of the tokens of the ${split} sources are unknown to the model's tokenizer, and what they stood for is lost${whole}. Preview Data, or \`ulpt data\`, shows it.`,
        );
      }
      if (lostTargets > 0) {
        this.warn(
          "TARGETS_UNKNOWN",
          `${lostTargets} of ${examples.length} ${split} targets are empty to the model, because its tokenizer knows nothing of them: no answer to them counts as right.`,
        );
      }
      if (truncatedTargets > 0) {
        this.warn(
          "TARGETS_TRUNCATED",
          `${truncatedTargets} of ${examples.length} ${split} targets are longer than ${maxTargetLength} tokens and lose their end (task.maxTargetLength).`,
        );
      }
    }
  }

  /** Between steps and between passes of an evaluation; the signal alone is heard between any two calls of the engine. */
  private requireNoStop(): void {
    if (this.options.signal?.aborted || stopRequested(this.run.directory)) throw this.stopped();
  }

  private stopped(): UlptError {
    return new UlptError("STOPPED", `Stopped at step ${this.trainer!.state.step}; everything is saved.`, {
      where: this.run.directory,
      hint: "Resume the run to go on exactly there.",
    });
  }

  private evaluationOptions(split: "validation" | "test"): EvaluationOptions {
    const { training } = this.settings;
    return {
      maxNewTokens: longestAnswer(this.settings, this.resources.dataset),
      runProgram: this.resources.runProgram,
      signal: this.options.signal,
      maxTokens: evaluationTokens(training),
      onProgress: (done, total) => {
        this.options.onProgress?.({ type: "evaluating", split, done, total });
        if (Date.now() - this.savedAt > saveInterval) this.save();
        this.requireNoStop();
      },
    };
  }

  private async evaluate(
    split: "validation" | "test",
    parameters: ParameterValues,
    metrics: Questions["metrics"],
  ): Promise<Evaluation & { loss: number }> {
    const { tokenizer, dataset } = this.resources;
    const prompt = behind(await promptedBy(this.prompt!, parameters, this.reader), this.leading);
    const options = this.evaluationOptions(split);
    const found = await evaluate(
      this.resources,
      tokenizer,
      dataset[split],
      dataset.labels,
      prompt,
      { metrics, rougeTokenizer: this.settings.task.rougeTokenizer, loss: true, amongLabels: split === "test" },
      options,
    );
    return { ...found, loss: found.loss! };
  }

  /** Keeps the answers of an evaluation, before the journal tells of it. */
  private keep(split: "validation" | "test", step: number, evaluation: Evaluation): void {
    const { tokenizer, dataset } = this.resources;
    const where = { split, step, data: dataOf(this.run.spec.data, split) ?? null };
    const [answers, texts] = keptRows(where, dataset[split], tokenizer, evaluation);
    savePredictions(this.ownership, answers, texts, this.settings.training.keepPredictions);
  }

  /** Evaluates on the validation split, writes a checkpoint and updates what is best. */
  private async validate(): Promise<void> {
    const { step, parameters } = this.trainer!.state;
    const started = Date.now();
    const evaluation = await this.evaluate("validation", parameters, splitMetrics(this.settings.task, "validation"));
    this.requireFinite(evaluation.loss);
    this.keep("validation", step, evaluation);
    const { score, interval, count, invalid, metric, clusters } = evaluation.score;
    this.record({
      type: "evaluation",
      step,
      split: "validation",
      metric,
      score,
      count,
      interval,
      loss: evaluation.loss,
      seconds: (Date.now() - started) / 1000,
      seenInTraining: this.resources.dataset.seenInTraining.validation,
      ...(step === 0 && this.run.spec.start ? { source: scoresOf(this.run.spec.start) } : {}),
      ...(clusters === undefined ? {} : { clusters }),
      ...(invalid === undefined ? {} : { invalid }),
      ...otherScores(evaluation),
    });
    const improvement = this.settings.training.earlyStopping?.minimumImprovement ?? 0;
    const { bestStep, bestScore } = this.standing;
    const gained = bestStep === null ? Number.POSITIVE_INFINITY : gain(metric, score, bestScore);
    const [best, counts] = [gained > 0, gained > improvement];
    this.standing = {
      bestStep: best ? step : bestStep,
      bestScore: best ? score : bestScore,
      evaluationsSinceBest: counts ? 0 : this.standing.evaluationsSinceBest + 1,
      evaluatedStep: step,
    };
    this.checkpoint({ score, loss: evaluation.loss }, best);
  }

  /** The last update of a run is followed by no step that would show what it did. */
  private requireFinite(loss: number): void {
    if (Number.isFinite(loss)) return;
    const { step } = this.trainer!.state;
    throw new UlptError("NOT_FINITE", `The validation loss is ${loss} at step ${step}: the training has diverged.`, {
      where: `learning rate ${this.settings.training.learningRate}`,
      expected: "finite numbers",
      hint: "Lower training.learningRate, or lengthen training.warmupSteps. The last checkpoint is kept.",
    });
  }

  /** Scores the best checkpoint on the test split, with the baselines that make the score readable. */
  private async test(): Promise<void> {
    const { dataset, task } = this.resources;
    const { bestStep } = this.standing;
    if (dataset.test.examples.length === 0 || bestStep === null) return;
    const started = Date.now();
    const path = checkpointPath(this.run.directory, bestStep);
    const parameters = parametersFrom(loadCheckpoint(path), this.method, path);
    const evaluation = await this.evaluate("test", parameters, splitMetrics(this.settings.task, "test"));
    this.keep("test", bestStep, evaluation);
    const { score, loss } = evaluation;
    const seconds = (Date.now() - started) / 1000; // without the baselines, which a sweep computes once
    const unprompted = await this.resources.unprompted(dataset.test, this.evaluationOptions("test"));
    await this.keepUnprompted(unprompted);
    this.record({
      type: "evaluation",
      step: bestStep,
      split: "test",
      metric: score.metric,
      score: score.score,
      count: score.count,
      interval: score.interval,
      loss,
      seconds,
      seenInTraining: dataset.seenInTraining.test,
      ...(score.clusters === undefined ? {} : { clusters: score.clusters }),
      ...(score.invalid === undefined ? {} : { invalid: score.invalid }),
      ...otherScores(evaluation),
      ...(evaluation.amongLabels ? { amongLabels: evaluation.amongLabels.score } : {}),
      baselines: {
        ...(task.majority.test === undefined ? {} : { majority: task.majority.test }),
        unprompted: unprompted.free.score,
        ...(unprompted.amongLabels ? { unpromptedAmongLabels: unprompted.amongLabels.score } : {}),
      },
    });
  }

  /** What the model answers to the test rows alone: whoever compares with it need not compute it again. */
  private async keepUnprompted({ evaluation }: Unprompted): Promise<void> {
    const { tokenizer, dataset, device } = this.resources;
    const limits = this.settings.training.keepPredictions;
    if (limits.rows === 0) return;
    const subject = { kind: "unprompted" } as const;
    const on = { rows: "test", file: null, task: this.run.spec.experiment } as const;
    const data = dataOf(this.run.spec.data, "test") ?? null;
    const record = await evaluationRecord(evaluation, { subject, on, data, device });
    this.ownership.assertOwned();
    const folder = runPaths(this.run.directory).evaluations;
    const rows = evaluatedRows(dataset.test, tokenizer, evaluation);
    keepEvaluation(folder, evaluationName(subject, "test", null), record, rows, limits);
  }

  /** Writes the parameters as they are now, then the state. */
  private checkpoint(metrics: { score: number; loss: number } | undefined, best = false): void {
    const { step, parameters } = this.trainer!.state;
    const { file, bytes } = saveCheckpoint(this.ownership, {
      step,
      tensors: Object.fromEntries(
        Object.entries(this.method.parameters).map(([name, shape]) => [name, { shape, data: parameters[name]! }]),
      ),
      metadata: {
        ...methodMetadata(this.method, this.settings.method),
        promptPosition: this.settings.promptPosition,
        model: this.settings.model,
        modelSha256: this.resources.modelSha256,
        ...(this.resources.recipe && { quantization: this.resources.recipe }),
        metrics: metrics ?? {},
      },
    });
    this.record({ type: "checkpoint", step, file, bytes, best, ...(metrics ? { score: metrics.score } : {}) });
    this.save();
    const superfluous = checkpointsToDelete(
      listCheckpoints(this.run.directory),
      this.settings.training.keepCheckpoints,
      this.standing.bestStep ?? undefined,
    );
    deleteCheckpoints(this.ownership, superfluous);
  }

  /** The state never runs ahead of the journal on the disk. */
  private save(): void {
    this.journal?.flush();
    this.ownership.heartbeat();
    const { step, parameters, optimizer } = this.trainer!.state;
    const tensors: Record<string, StateTensor> = {};
    const groups = { parameter: parameters, m: optimizer.firstMoments, v: optimizer.secondMoments };
    for (const [group, values] of Object.entries(groups)) {
      for (const [name, shape] of Object.entries(this.method.parameters)) {
        tensors[`${group}.${name}`] = { shape, data: values[name]! };
      }
    }
    const frozen = Object.fromEntries(Object.entries(this.method.frozen).map(([name, { sha256 }]) => [name, sha256]));
    saveState(this.ownership, {
      tensors,
      values: { step, optimizerStep: optimizer.step, standing: this.standing, frozen },
    });
    this.savedAt = Date.now();
  }

  /** @throws CHECKPOINT_INVALID, PROJECTION_MISMATCH */
  private restore({ tensors, values }: TrainingState): TrainerState {
    const where = runPaths(this.run.directory).state;
    const invalid = (message: string) =>
      new UlptError("CHECKPOINT_INVALID", message, {
        where,
        hint: startAgain,
      });
    const parsed = savedValues.safeParse(values);
    if (!parsed.success) throw invalid(`The saved state is damaged: ${issueText(parsed.error)}.`);
    const { step, optimizerStep, standing, frozen } = parsed.data;
    for (const [name, { sha256, origin }] of Object.entries(this.method.frozen)) {
      if (frozen[name] === sha256) continue;
      throw new UlptError("PROJECTION_MISMATCH", `The ${name} made from its seed is not the one of this run.`, {
        where,
        expected: `sha256 ${frozen[name] ?? "(not recorded)"}, but ${origin.generator} gave ${sha256}`,
        hint: "The run is from another version: train a new one.",
      });
    }
    const group = (prefix: string): ParameterValues =>
      Object.fromEntries(
        Object.entries(this.method.parameters).map(([name, shape]) => {
          const tensor = tensors[`${prefix}.${name}`];
          if (!(tensor?.data instanceof Float32Array) || tensor.shape.join() !== shape.join()) {
            throw invalid(`The saved state lacks "${prefix}.${name}" [${shape}].`);
          }
          return [name, tensor.data];
        }),
      );
    this.standing = standing;
    return {
      step,
      parameters: group("parameter"),
      optimizer: { step: optimizerStep, firstMoments: group("m"), secondMoments: group("v") },
    };
  }

  private finish(state: EndState, code: number, error?: UlptError): void {
    const failure = error && { code: error.code, message: error.message };
    this.record({ type: "status", state, ...failure, peakMemory: peakMemory() });
    this.journal?.flush();
    const { step, ...reached } = readResult(this.run.directory, "last").progress;
    this.log?.line(error ? error.describe() : `${state} at step ${step}`);
    const summary = {
      ...reached,
      totalSteps: this.settings.training.steps,
      metric: checkpointMetricOf(this.settings.task),
    };
    const reason =
      state === "paused" ? `Paused by its sweep at step ${step} of ${summary.totalSteps}.` : error?.message;
    this.ownership.release({ code, state, step, summary, ...(reason ? { reason } : {}), ...(error ? { error } : {}) });
  }

  /**
   * Records why the attempt ends, and returns what to throw. A disk that refuses even that leaves the run "interrupted"; a stop
   * that could not be saved is no stop but that failure.
   */
  private recordFailure(error: unknown): unknown {
    const known = error instanceof UlptError ? error : new UlptError("INTERNAL", messageOf(error), { cause: error });
    if (known.code === "RUN_FENCED") return error; // the run belongs to another process now
    try {
      const stopped = known.code === "STOPPED";
      if (stopped && this.trainer && this.trainer.state.step !== this.standing.evaluatedStep)
        this.checkpoint(undefined);
      this.finish(stopped ? "stopped" : "failed", known.exitCode, known);
    } catch (failure) {
      if (known.code === "STOPPED") return failure;
    }
    return error;
  }
}

/** The other scores of an evaluation as the journal has them. */
function otherScores({ others }: Evaluation): Partial<Pick<EvaluationEvent, "others" | "otherIntervals">> {
  if (others.length === 0) return {};
  return {
    others: Object.fromEntries(others.map(({ metric, score }) => [metric, score])),
    otherIntervals: Object.fromEntries(others.map(({ metric, interval }) => [metric, interval])),
  };
}
