/**
 * @file The experiment that a run panel shows: its runs, their courses, and what of that the webview has not been told.
 * Reads files and knows no `vscode`.
 */
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import { knownMethod } from "../../experiment/methods/registry.ts";
import { isHidden, titleOf } from "../../listing/marks.ts";
import type { RunReader } from "../../listing/reader.ts";
import type { RunSummary } from "../../listing/summary.ts";
import type { Axis } from "../../results/curve.ts";
import type { GroupFacts } from "../../results/groups.ts";
import { metricOf } from "../../results/metric.ts";
import { runPaths } from "../../runs/layout.ts";
import { readHolder } from "../../runs/owner.ts";
import { lookAt } from "../../runs/ownFiles.ts";
import { roundedText } from "../../runs/quantizationText.ts";
import type { RunState } from "../../runs/store.ts";
import {
  defaultPreferences,
  type ExperimentView,
  type FactKey,
  type HostMessage,
  type LaunchView,
  type ReferenceScores,
  type RunDetails,
  type RunView,
  type RunViewChange,
  type SeriesChange,
  type Split,
  type Strings,
  type SweepBrief,
} from "../../shared/panel.ts";
import { mostShown } from "../runs/shown.ts";
import { RunFollower } from "./follower.ts";
import { noRelations, type Relations, relate } from "./relations.ts";

/** What the panel needs to know of the experiment's runs beyond their files. */
export interface PanelSource {
  runs(): Promise<readonly RunSummary[]>;
  /** The run in a folder, as it is now. */
  run(directory: string): Promise<RunSummary>;
  /** The reader of a run's whole journal, which others may share. */
  course(directory: string): RunReader;
  isShown(directory: string): boolean;
  colorIndex(directory: string): number;
  baseline(): string | undefined;
  /** The experiment's newest sweep; null where nothing is left to do. */
  sweep(runs: readonly RunSummary[]): SweepBrief | null;
  launch(): LaunchView | null;
  /** How the job of a run is, where a scheduler has it. */
  job(directory: string): string | undefined;
  /** Whether programs may be started: in Restricted Mode none is, not even to ask a driver. */
  canTrain(): boolean;
}

/** So many runs are compared before the first picture; of more, after it. */
const comparedAtOnce = 200;
/** In milliseconds: the first picture is not to wait for it. */
const comparedAfter = 1500;
/** Longest that one `read` may hold up the extension host, in milliseconds. */
const readBudget = 30;

export class PanelModel {
  readonly experiment: { name: string; directory: string };
  private readonly source: PanelSource;
  /** All there are, and of these what is shown: without those that somebody hid, but for the one that is looked at. */
  private listed: readonly RunSummary[] = [];
  private summaries: readonly RunSummary[] = [];
  /** Where each run stands in `summaries`. */
  private positions: ReadonlyMap<string, number> = new Map();
  private relations: Relations = noRelations;
  /** What is being compared now; the newest counts. */
  private relating: Promise<void> | undefined;
  private readonly followers = new Map<string, RunFollower>();
  private readonly problems = new Map<string, string>();
  private smoothing = defaultPreferences.smoothing;
  private focused: string | null = null;
  private seq = 0;
  /** What the webview was told: each run, and the text of the experiment. */
  private readonly toldRuns = new Map<string, RunView>();
  private readonly toldDetails = new Set<string>();
  private toldExperiment = "";
  /** Runs whose views may differ from what the webview was told. */
  private readonly stale = new Set<string>();
  private allStale = true;
  private folderTime = Number.NaN;

  constructor(experiment: { name: string; directory: string }, source: PanelSource) {
    this.experiment = experiment;
    this.source = source;
  }

  /** Lists the runs again. True where a run came, went or was replaced: the webview then needs a snapshot. */
  async refresh(): Promise<boolean> {
    this.listed = await this.source.runs();
    const summaries = this.listed.some(isHidden) ? this.listed.filter((run) => this.isWanted(run)) : this.listed;
    const changed = !isSameList(summaries, this.summaries);
    this.summaries = summaries;
    this.allStale = true;
    if (changed) {
      this.positions = new Map(summaries.map(({ directory }, index) => [directory, index]));
      const isSoon = summaries.length <= comparedAtOnce;
      const relating = this.relate(summaries, isSoon ? 0 : comparedAfter);
      if (isSoon) await relating;
    }
    this.follow();
    return changed;
  }

  /** Looks again at one run. False where it is not among those listed, or is another one by now: all are to be listed then. */
  async refreshRun(directory: string): Promise<boolean> {
    const summary = await this.source.run(directory);
    const position = this.positions.get(directory);
    const before = position === undefined ? undefined : this.summaries[position];
    const isWanted = this.isWanted(summary);
    const areAll = this.listed === this.summaries;
    this.listed = this.listed.map((run) => (run.directory === directory ? summary : run)); // its sweep says how far it is
    if (!isWanted && !before) return true;
    if (position === undefined || !before || !isWanted || !isSameRun(before, summary)) return false;
    this.summaries = areAll ? this.listed : this.summaries.with(position, summary);
    this.stale.add(directory);
    this.follow();
    for (const followed of this.followers.keys()) this.stale.add(followed); // what tells those of one colour apart
    return true;
  }

  private isWanted(run: RunSummary): boolean {
    return !isHidden(run) || run.directory === this.focused;
  }

  /** Resolves once the runs listed last were compared with each other. */
  async compared(): Promise<void> {
    while (this.relating) await this.relating;
  }

  private relate(summaries: readonly RunSummary[], wait: number): Promise<void> {
    const isNewest = () => this.relating === relating; // none were listed meanwhile
    const compare = async () => {
      if (wait > 0) await sleep(wait, undefined, { ref: false });
      if (!isNewest()) return;
      const relations = await relate(summaries);
      if (!isNewest()) return;
      this.relating = undefined;
      this.relations = relations;
      this.allStale = true;
    };
    const relating = Promise.resolve().then(compare);
    this.relating = relating;
    return relating;
  }

  /** Whether runs came or went since the last call: cheap enough to ask every second. */
  foldersChanged(): boolean {
    const time = lookAt(this.experiment.directory)?.mtimeMs ?? 0;
    const changed = time !== this.folderTime;
    this.folderTime = time;
    return changed;
  }

  /** The run whose facts are looked at is read even where it is not shown. */
  focus(run: string | null): void {
    this.focused = run;
    this.follow();
  }

  setSmoothing(smoothing: number): void {
    this.smoothing = smoothing;
  }

  /** Whether a run of this experiment has this folder: messages of the webview name runs, and may name anything. */
  has(run: string): boolean {
    return this.positions.has(run);
  }

  get running(): boolean {
    return [...this.followers.values()].some(({ state }) => state === "running" || state === "created");
  }

  /** Reads on in the journals for a few milliseconds. True where there is more to read at once. */
  read(): boolean {
    const until = performance.now() + readBudget;
    const waiting = [...this.followers.values()].filter(({ reading }) => reading);
    const live = [...this.followers.values()].filter((run) => !run.reading && isLive(run));
    for (const follower of [...live, ...waiting]) {
      do {
        this.guard(follower, () => {
          if (follower.read()) this.stale.add(follower.directory);
        });
      } while (follower.reading && performance.now() < until);
      if (performance.now() >= until) break;
    }
    return waiting.some(({ reading }) => reading);
  }

  /** Looks which runs still run. */
  checkStates(): void {
    for (const follower of this.followers.values()) {
      if (isLive(follower))
        this.guard(follower, () => {
          if (follower.checkState()) follower.reading = true; // its last words are still unread
          this.stale.add(follower.directory); // its memory
        });
    }
  }

  /** Everything, for a webview that knows nothing. */
  snapshot(strings: Strings): HostMessage {
    this.seq += 1;
    this.toldRuns.clear();
    this.toldDetails.clear();
    for (const follower of this.followers.values()) follower.startOver();
    const runs = this.runViews();
    this.stale.clear();
    this.allStale = false;
    const experiment = this.experimentView();
    for (const run of runs) this.toldRuns.set(run.id, run);
    this.toldExperiment = JSON.stringify(experiment);
    return {
      type: "snapshot",
      seq: this.seq,
      strings,
      experiment,
      runs,
      details: this.newDetails(),
      series: this.changes(),
      smoothing: this.smoothing,
    };
  }

  /** What changed since the last message; null where nothing did. */
  delta(): HostMessage | null {
    const isStale = this.allStale ? () => true : (id: string) => this.stale.has(id);
    const views = this.allStale || this.stale.size ? this.runViews(isStale) : [];
    this.allStale = false;
    this.stale.clear();
    const runs = views.flatMap((run) => {
      const change = changeOf(this.toldRuns.get(run.id), run);
      if (change) this.toldRuns.set(run.id, run);
      return change ?? [];
    });
    const experiment = this.experimentView();
    const experimentText = JSON.stringify(experiment);
    const details = this.newDetails();
    const series = this.changes();
    const experimentChanged = experimentText !== this.toldExperiment;
    this.toldExperiment = experimentText;
    if (!runs.length && !details.length && !series.length && !experimentChanged) return null;
    this.seq += 1;
    return {
      type: "delta",
      seq: this.seq,
      ...(experimentChanged ? { experiment } : {}),
      ...(runs.length ? { runs } : {}),
      ...(details.length ? { details } : {}),
      ...(series.length ? { series } : {}),
    };
  }

  detail(request: number, axis: Axis, min: number, max: number): HostMessage {
    const series = this.shownFollowers().map((follower) => ({
      id: follower.directory,
      columns: follower.result.curve.between(axis, min, max),
    }));
    return { type: "detail", request, series };
  }

  /** Every run, and the courses of those that were read, for export. */
  rows(): { runs: readonly RunView[]; followers: ReadonlyMap<string, RunFollower> } {
    return { runs: this.runViews(), followers: this.followers };
  }

  experimentView(): ExperimentView {
    const spec = this.summaries.find((run) => run.spec)?.spec;
    const followers = [...this.followers.values()];
    const evaluations = followers.flatMap(({ result }) => result.evaluations);
    const metric = (split: Split) => evaluations.find((evaluation) => evaluation.split === split)?.metric;
    return {
      directory: this.experiment.directory,
      name: this.experiment.name,
      model: spec?.model.source ?? null,
      metrics: {
        validation: metric("validation") ?? metricOf(spec?.settings, "validation"),
        test: metric("test") ?? metricOf(spec?.settings, "test"),
      },
      references: references(followers),
      common: this.relations.common,
      sweep: this.source.sweep(this.listed),
      hidden: this.listed.length - this.summaries.length,
      launch: this.source.launch(),
      canTrain: this.source.canTrain(),
    };
  }

  /** Only the journals of runs that are shown or looked at are read; those that were are read on, as many as can be shown. */
  private follow(): void {
    const wanted = new Set<string>();
    const read = new Set<string>();
    for (const { directory, state } of this.summaries) {
      if (state === "unreadable") continue;
      if (this.followers.has(directory)) read.add(directory);
      if (directory !== this.focused && !this.source.isShown(directory)) continue;
      wanted.add(directory);
      const follower = this.followers.get(directory);
      if (!follower) this.followers.set(directory, this.newFollower(directory, state));
      else if (follower.state !== state) {
        follower.state = state;
        follower.reading = true; // resumed, or its last words are still unread
      }
    }
    for (const directory of this.followers.keys()) {
      if (wanted.has(directory)) continue;
      if (!read.has(directory) || this.followers.size > mostShown) this.followers.delete(directory);
    }
  }

  private newFollower(directory: string, state: RunState): RunFollower {
    return new RunFollower(directory, state, this.source.course(directory), () => this.smoothing);
  }

  private guard(follower: RunFollower, action: () => void): void {
    try {
      action();
      this.problems.delete(follower.directory);
    } catch (error) {
      follower.reading = false;
      this.problems.set(follower.directory, messageOf(error));
      this.stale.add(follower.directory);
    }
  }

  private shownFollowers(): RunFollower[] {
    return [...this.followers.values()].filter(({ directory }) => this.source.isShown(directory));
  }

  private changes(): SeriesChange[] {
    return this.shownFollowers().flatMap((follower) => follower.change() ?? []);
  }

  private runViews(wanted: (id: string) => boolean = () => true): RunView[] {
    const baseline = this.source.baseline();
    const variants = this.variants();
    return this.summaries.flatMap((summary) => {
      const { directory } = summary;
      if (!wanted(directory)) return [];
      return {
        ...viewOf(summary, {
          follower: this.followers.get(directory),
          problem: this.problems.get(directory),
          job: this.source.job(directory),
          mayAsk: this.source.canTrain(),
        }),
        group: this.relations.groups.get(directory) ?? aloneGroup(summary),
        settings: this.relations.different.get(directory) ?? noSettings,
        shown: this.source.isShown(directory),
        baseline: directory === baseline,
        color: this.source.colorIndex(directory),
        variant: variants.get(directory) ?? 0,
      };
    });
  }

  /** Tells the shown runs of one colour apart. */
  private variants(): Map<string, number> {
    const used = new Map<number, number>();
    const variants = new Map<string, number>();
    for (const { directory } of this.summaries) {
      if (!this.source.isShown(directory)) continue;
      const color = this.source.colorIndex(directory);
      const variant = used.get(color) ?? 0;
      used.set(color, variant + 1);
      variants.set(directory, variant);
    }
    return variants;
  }

  /** Of the runs that are followed or looked at, what was not told yet. */
  private newDetails(): RunDetails[] {
    return [...this.followers.keys(), ...(this.focused === null ? [] : [this.focused])].flatMap((directory) => {
      const position = this.positions.get(directory);
      if (position === undefined || this.toldDetails.has(directory)) return [];
      this.toldDetails.add(directory);
      return this.details(this.summaries[position]!);
    });
  }

  private details({ directory, spec }: RunSummary): RunDetails {
    const paths = runPaths(directory);
    const owner = readHolder(directory)?.owner;
    const facts: Partial<Record<FactKey, string | undefined>> = {
      device: owner?.device ?? spec?.device,
      precision: spec ? precisionText(spec) : undefined,
      model: spec?.model.source,
      revision: spec?.model.revision,
      weights: spec?.model.weightsSha256,
      trainData: spec?.data.sha256.train,
      validationData: spec?.data.sha256.validation,
      testData: spec?.data.sha256.test,
      created: spec?.created,
      host: owner?.host,
      process: owner ? String(owner.pid) : undefined,
      ulpt: spec?.versions.ulpt,
      onnxruntime: spec?.versions.onnxruntime,
      node: spec?.versions.node,
      folder: directory,
      journal: paths.events,
      log: paths.log,
      checkpoints: paths.checkpoints,
    };
    const known = Object.entries(facts).filter((fact): fact is [FactKey, string] => fact[1] !== undefined);
    return { id: directory, method: spec?.facts ?? [], facts: Object.fromEntries(known) };
  }
}

/** Of weights that nobody has rounded nothing is said: they are as they come. */
function precisionText({ model: { stored, quantization } }: NonNullable<RunSummary["spec"]>): string | undefined {
  const own = quantization && roundedText(quantization);
  if (stored === undefined) return own;
  return `${own ?? "float32"}; the model's files hold ${stored}`;
}

/** Of a run that cannot be read nothing is known that another could share. */
function aloneGroup({ directory, run }: RunSummary): GroupFacts {
  const key = `the run ${basename(directory)}`;
  return { key, name: run, difference: "", family: key };
}

function isLive({ state }: RunFollower): boolean {
  return state === "running" || state === "created";
}

/** What is known of a run beside its row. `mayAsk`: whether a driver may be asked what its devices hold. */
interface Beside {
  follower: RunFollower | undefined;
  problem: string | undefined;
  job: string | undefined;
  mayAsk: boolean;
}

function viewOf(
  summary: RunSummary,
  { follower, problem, job, mayAsk }: Beside,
): Omit<RunView, "group" | "settings" | "shown" | "baseline" | "color" | "variant"> {
  const { spec } = summary;
  const result = follower?.result;
  const last = result?.curve.last;
  const state = problem ? "unreadable" : (follower?.state ?? summary.state);
  const totalSteps = result?.totalSteps ?? summary.totalSteps;
  const best = result?.best;
  const secondsPerStep = result?.secondsPerStep;
  return {
    id: summary.directory,
    name: titleOf(summary),
    state,
    reason: problem ?? summary.reason ?? follower?.reason ?? job ?? null,
    method: spec?.method ?? null,
    isReference: knownMethod(spec?.method)?.isReference ?? false,
    rank: spec?.rank ?? null,
    seed: spec?.seed ?? null,
    created: spec?.created ?? null,
    promptLength: spec?.promptLength ?? null,
    parameters: spec?.parameters ?? null,
    step: last?.step ?? summary.step,
    totalSteps,
    evaluateEvery: evaluateEveryOf(spec?.settings),
    lastLoss: finite(last?.smoothed),
    seconds: last?.seconds ?? null,
    secondsLeft:
      state === "running" && last && totalSteps !== null && secondsPerStep !== undefined
        ? (totalSteps - last.step) * secondsPerStep
        : null,
    tokensPerSecond: result?.tokensPerSecond ?? null,
    metric: best?.metric ?? metricOf(spec?.settings, "validation"),
    bestScore: best?.score ?? summary.bestScore,
    bestStep: best?.step ?? summary.bestStep,
    testScore: finite(result?.test?.score) ?? summary.testScore,
    testInterval: result?.test?.interval ?? null,
    memory: follower?.memory() ?? null,
    deviceMemory: (spec?.device ?? "cpu") !== "cpu" && mayAsk ? (follower?.deviceMemory() ?? null) : null,
    memoryEstimate: result?.memory.estimated ?? null,
    peakMemory: result?.memory.peak ?? null,
    asked: follower?.asked() ?? noneAsked,
    divergedAt: result?.curve.divergedAt ?? null,
    warnings: result?.warnings.slice(-20).map(({ message }) => message) ?? noWarnings,
    reading: follower?.reading ?? false,
  };
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

const noneAsked: RunView["asked"] = [];
const noSettings: RunView["settings"] = {};
const noWarnings: RunView["warnings"] = [];

/** Quick where little is new, as of thousands of runs: texts are made only of lists and records that are other objects. */
function changeOf(told: RunView | undefined, now: RunView): RunViewChange | undefined {
  if (!told) return now;
  const isSame = (key: keyof RunView) =>
    told[key] === now[key] || (typeof now[key] === "object" && JSON.stringify(told[key]) === JSON.stringify(now[key]));
  const changed = (Object.keys(now) as (keyof RunView)[]).filter((key) => !isSame(key));
  if (changed.length === 0) return undefined;
  return { id: now.id, ...Object.fromEntries(changed.map((key) => [key, now[key]])) };
}

/** Whether no run came, went or was replaced. */
function isSameList(a: readonly RunSummary[], b: readonly RunSummary[]): boolean {
  return a === b || (a.length === b.length && a.every((run, index) => isSameRun(run, b[index]!)));
}

function isSameRun(a: RunSummary, b: RunSummary): boolean {
  return a === b || (a.directory === b.directory && a.spec?.created === b.spec?.created && a.reason === b.reason);
}

function evaluateEveryOf(settings: Readonly<Record<string, unknown>> | undefined): number | null {
  const every = (settings?.training as { evaluateEvery?: unknown } | undefined)?.evaluateEvery;
  return typeof every === "number" ? every : null;
}

/** What all runs measured alike: runs of other rows or of another model have other references. */
function references(followers: readonly RunFollower[]): ReferenceScores {
  const measured = followers.map(({ result }) => result.test?.baselines ?? {});
  const common = (name: string) => {
    const values = new Set(measured.flatMap((baselines) => baselines[name] ?? []));
    return values.size === 1 ? finite([...values][0]) : null;
  };
  return {
    majority: common("majority"),
    unprompted: common("unprompted"),
    unpromptedAmongLabels: common("unpromptedAmongLabels"),
  };
}
