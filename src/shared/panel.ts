/**
 * @file What the extension host and the run panel say to each other.
 *
 * The panel is stateless: it says `ready`, the host answers with a `snapshot`, and from then on with `delta`s whose `seq`
 * count up by one. A panel that misses one asks for a new snapshot (`resnapshot`). A hidden panel is told nothing; shown
 * again, it starts over with `ready`.
 *
 * Numbers travel as Float64Array: VS Code sends those as bytes, and NaN survives.
 */

import type { Cost, MeasuredCost } from "../results/cost.ts";
import type { Axis, CurveChange, LossColumns } from "../results/curve.ts";
import type { CheckpointPoint, EvaluationPoint } from "../results/fold.ts";
import type { GroupFacts, SeedRun } from "../results/groups.ts";

export const runPanelType = "ulpt.runPanel";

export const views = ["loss", "ranks", "facts"] as const;
export type View = (typeof views)[number];

/** The charts of the Loss view, and that of the Ranks view. */
export const chartNames = ["loss", "score", "gradientNorm", "learningRate", "ranks"] as const;
export type ChartName = (typeof chartNames)[number];

/** As what a chart is saved: a picture in print resolution, or its numbers. */
export const chartFormats = ["png", "csv"] as const;

export type Split = EvaluationPoint["split"];

/** Against what the Ranks view draws scores. */
export const againsts = ["parameters", "rank"] as const;
export type Against = (typeof againsts)[number];

/** How somebody looks at the panel: kept in the webview's state, so it survives a reload. */
export interface Preferences {
  view: View;
  x: Axis;
  logX: boolean;
  logY: boolean;
  /** The runs of several seeds are drawn as their mean, in a band of one standard deviation. */
  seedMeans: boolean;
  /** 0 (none) to 0.99. */
  smoothing: number;
  score: Split;
  /** The settings columns show only what differs between the runs. */
  onlyDifferences: boolean;
  /** Runs that differ only in their seed are one row. */
  groupSeeds: boolean;
  against: Against;
  sort: { column: string; descending: boolean };
  /** The run whose facts are shown. */
  factsOf: string | null;
}

export const defaultPreferences: Preferences = {
  view: "loss",
  x: "step",
  logX: false,
  logY: false,
  seedMeans: false,
  smoothing: 0.8,
  score: "test",
  onlyDifferences: true,
  groupSeeds: true,
  against: "parameters",
  sort: { column: "parameters", descending: false },
  factsOf: null,
};

/** What the webview keeps with `setState`, and what a reload gives back to the host's serializer. */
export interface PanelState {
  /** Folder of the experiment's runs. */
  experiment: string;
  preferences: Preferences;
}

/** Path of a setting → its value as text, e.g. `training.learningRate` → `0.3`. */
export type Settings = Readonly<Record<string, string>>;

export type PanelRunState = SeedRun["state"];

/** One run as the panel shows it, without its course. */
export interface RunView {
  /** Its folder: names the run in every message. */
  id: string;
  name: string;
  /** The group of runs that differ in nothing but their seed; of very many runs, itself alone until those were compared. */
  group: GroupFacts;
  state: PanelRunState;
  /** Why it ended as it did, or is unreadable. */
  reason: string | null;
  method: string | null;
  /** Whether its method is the one that others are compared with. */
  isReference: boolean;
  rank: number | null;
  seed: number | null;
  /** When it was made, in ISO 8601. */
  created: string | null;
  promptLength: number | null;
  /** How many numbers are trained. */
  parameters: number | null;
  step: number;
  totalSteps: number | null;
  /** Steps between two evaluations. */
  evaluateEvery: number | null;
  lastLoss: number | null;
  /** Seconds at work so far. */
  seconds: number | null;
  secondsLeft: number | null;
  tokensPerSecond: number | null;
  metric: string | null;
  bestScore: number | null;
  bestStep: number | null;
  testScore: number | null;
  testInterval: readonly [number, number] | null;
  /** Bytes of the process, while it runs on this machine. */
  memory: { now: number; peak: number } | null;
  /** Bytes that it holds on the device, where the device's driver says so. */
  deviceMemory: number | null;
  /** What the run was said to take before it began, in bytes; null where it was not. */
  memoryEstimate: { weights: number; steps: number; evaluations: number; total: number } | null;
  /** The most bytes that its process had taken when an attempt ended; null before, and where it was not said. */
  peakMemory: number | null;
  /** What of its checkpoints somebody asked for: read of runs that are followed. */
  asked: readonly AskedView[];
  divergedAt: number | null;
  warnings: readonly string[];
  /** The settings in which it differs from the others; none until those were compared. */
  settings: Settings;
  shown: boolean;
  baseline: boolean;
  /** 0 to 5: blue, red, green, orange, yellow, purple; the same as in the tree. */
  color: number;
  /** Tells runs of one colour apart: dash and point style. */
  variant: number;
  /** Its journal has not been read to the end yet; its curve grows meanwhile. */
  reading: boolean;
}

/** What of a run's view changed. */
export type RunViewChange = Pick<RunView, "id"> & Partial<RunView>;

/** An evaluation of a checkpoint that somebody asked for. */
export interface AskedView {
  /** What it is called in its run's folder. */
  name: string;
  step: number;
  split: "validation" | "test" | "file";
  /** As its record names it; null of a split. */
  file: string | null;
  metric: string;
  score: number;
  interval: readonly [number, number];
  count: number;
}

/** What of a run decides whether its scores count. */
export function seedRunOf({ state, seed, created, testScore }: RunView): SeedRun {
  return { state, seed, created, tested: testScore !== null };
}

/** What else is known of a run, of those that are shown or looked at: it does not change while the run lives. */
export interface RunDetails {
  id: string;
  /** Of its method, as the runtime tells them. */
  method: readonly { name: string; value: string }[];
  /** Facts by `FactKey`, those that are known. */
  facts: Readonly<Partial<Record<FactKey, string>>>;
}

export type FactKey =
  | "device"
  | "precision"
  | "model"
  | "revision"
  | "weights"
  | "trainData"
  | "validationData"
  | "testData"
  | "created"
  | "host"
  | "process"
  | "ulpt"
  | "onnxruntime"
  | "node"
  | "folder"
  | "journal"
  | "log"
  | "checkpoints";

/** A checkpoint that lies in the folder of the run. */
export interface CheckpointView extends CheckpointPoint {
  best: boolean;
}

/** The course of a run from the drawn point `from` on. Lists are whole, and left out where they did not change. */
export interface SeriesChange extends Omit<CurveChange, "cursor"> {
  id: string;
  evaluations?: readonly EvaluationPoint[];
  checkpoints?: readonly CheckpointView[];
}

/** Scores on the test split to compare with, as far as a run measured them. */
export interface ReferenceScores {
  majority: number | null;
  unprompted: number | null;
  unpromptedAmongLabels: number | null;
}

export interface ExperimentView {
  /** Runs that are left out because somebody hid them. */
  hidden: number;
  /** Folder of its runs: names the experiment in `PanelState`. */
  directory: string;
  name: string;
  model: string | null;
  /** By what each split is scored. */
  metrics: Readonly<Record<Split, string | null>>;
  references: ReferenceScores;
  /** Settings that all runs share; none until they were compared. */
  common: Settings;
  /** Its newest sweep, while there is something left to do. */
  sweep: SweepBrief | null;
  /** What was launched for it and has no run yet, or ended before its first one. */
  launch: LaunchView | null;
  /** False in a restricted workspace, where nothing may be started. */
  canTrain: boolean;
}

export interface SweepBrief {
  /** `run 2 of 9 · 7 wait · 12 min left` */
  text: string;
  /** A process leads it and begins runs: it can be paused. */
  isRunning: boolean;
  /** It can go on. */
  isContinuable: boolean;
  /** The names of the runs that wait, in the order in which they begin. */
  waiting: readonly string[];
}

/** In words. */
export type LaunchView = { state: "starting"; text: string } | { state: "failed"; message: string; detail: string };

export type CostState =
  | { kind: "reckoning" }
  | { kind: "unknown"; problem: CostProblem }
  | {
      kind: "known";
      cost: Cost;
      measured: MeasuredCost | null;
      isMeasuring: boolean;
      /** Why it could not be measured. */
      problem: CostProblem | null;
    };

export interface CostProblem {
  message: string;
  hint: string;
}

export const costActions = ["reckon", "measure", "stop"] as const;

export type HostMessage =
  | {
      type: "snapshot";
      seq: number;
      strings: Strings;
      experiment: ExperimentView;
      runs: readonly RunView[];
      details: readonly RunDetails[];
      series: readonly SeriesChange[];
      /** What the host smooths with: the webview's preference, once it was told. */
      smoothing: number;
    }
  | {
      type: "delta";
      seq: number;
      experiment?: ExperimentView;
      /** Of those that changed what did. */
      runs?: readonly RunViewChange[];
      /** Of runs that are newly shown or looked at. */
      details?: readonly RunDetails[];
      series?: readonly SeriesChange[];
    }
  /** The answer to a `detail` request; the newest request counts. */
  | { type: "detail"; request: number; series: readonly { id: string; columns: LossColumns }[] }
  /** What a run's prompt costs its model. */
  | { type: "cost"; run: string; state: CostState }
  /** Someone opened the panel at a certain place. */
  | { type: "focus"; view?: View; run?: string }
  /** The experiment cannot be shown at all; in words. */
  | { type: "problem"; message: string };

/** What the panel asks the host to do. Runs are named by their folder, checkpoints by run and step. */
export type PanelCommand =
  | {
      command:
        | "train"
        | "sweep"
        | "openExperimentFile"
        | "exportCsv"
        | "copyMarkdown"
        | "openExperimentFolder"
        | "stopStarting"
        | "openLaunchLog"
        | "pauseSweep"
        | "continueSweep"
        | "stopSweep";
    }
  /** Of a run that waits, as its sweep's plan calls it. */
  | { command: "dropFromSweep" | "trainNext"; planned: string }
  | { command: "stop" | "resume" | "openRunFolder" | "openLog" | "openJournal"; run: string }
  | { command: "setShown"; runs: readonly string[]; shown: boolean }
  /** Of an evaluation that somebody asked for, by its name. */
  | { command: "showAnswers" | "deleteEvaluation"; run: string; evaluation: string }
  /** The runs that are shown while nobody chose. */
  | { command: "showUsual" }
  | { command: "setBaseline"; run: string | null }
  | {
      command: "openCheckpoint" | "diffPrevious" | "diffBest" | "diffBaseline" | "evaluate" | "exportPrompt";
      run: string;
      step: number;
    };

export type WebviewMessage =
  | { type: "ready"; state: PanelState | null }
  | { type: "resnapshot"; have: number }
  | { type: "smoothing"; smoothing: number }
  | { type: "facts"; run: string | null }
  | { type: "detail"; request: number; axis: Axis; min: number; max: number }
  | { type: "cost"; run: string; action: (typeof costActions)[number] }
  /** A chart to be saved where somebody chooses. */
  | { type: "save"; chart: ChartName; format: (typeof chartFormats)[number]; data: Uint8Array }
  /** An error in the panel, for the extension's log. */
  | { type: "error"; message: string }
  | ({ type: "command" } & PanelCommand);

/** Every text of the panel, in the user's language. `{0}` are places for values. */
export type Strings = Readonly<Record<StringKey, string>>;

export type StringKey =
  // header
  | "train"
  | "trainHint"
  | "stop"
  | "stopHint"
  | "sweep"
  | "sweepHint"
  | "resume"
  | "more"
  | "restricted"
  | "exportCsv"
  | "copyMarkdown"
  | "openExperimentFile"
  | "openExperimentFolder"
  | "runsCount"
  | "runsCountOne"
  | "runsHidden"
  | "statusRunning"
  | "statusRunningMany"
  | "statusIdle"
  | "statusNone"
  | "views"
  | "viewLoss"
  | "viewRanks"
  | "viewFacts"
  // states
  | "stateCreated"
  | "stateRunning"
  | "stateInterrupted"
  | "stateFinished"
  | "stateEarlyStopped"
  | "stateStopped"
  | "statePaused"
  | "stateFailed"
  | "stateUnreadable"
  // loss view
  | "xAxis"
  | "xStep"
  | "xSeconds"
  | "xExamples"
  | "logX"
  | "logY"
  | "seedMeans"
  | "seedMeansHint"
  | "meanOf"
  | "rawValue"
  | "moreCurves"
  | "gradientNormTitle"
  | "learningRateTitle"
  | "saveChart"
  | "saveAsPng"
  | "saveAsCsv"
  | "legendRaw"
  | "legendSmoothed"
  | "legendValidation"
  | "legendCheckpoint"
  | "legendBest"
  | "legendBand"
  | "smoothing"
  | "smoothingHint"
  | "resetZoom"
  | "zoomHint"
  | "zoomKeys"
  | "lossTitle"
  | "scoreTitle"
  | "trainLoss"
  | "trainLossSmoothed"
  | "validationLoss"
  | "validationScore"
  | "testScore"
  | "runList"
  | "filterRuns"
  | "noMatch"
  | "showAll"
  | "hideAll"
  | "showUsual"
  | "shownOf"
  | "lossSummary"
  | "lossSummaryRun"
  | "scoreSummary"
  | "courseSummary"
  | "checkpointsOf"
  | "checkpointAt"
  | "checkpointBest"
  | "checkpointScore"
  | "checkpointMenu"
  | "openCheckpoint"
  | "diffPrevious"
  | "diffBest"
  | "diffBaseline"
  | "evaluate"
  | "exportPrompt"
  | "asTable"
  | "tableLimit"
  | "unread"
  | "diverged"
  // why there is nothing
  | "noRuns"
  | "noRunsDetail"
  | "noneShown"
  | "noneShownDetail"
  | "pauseSweep"
  | "continueSweep"
  | "stopSweep"
  | "waitingRuns"
  | "waitingActions"
  | "trainNext"
  | "dropFromSweep"
  | "launchStarting"
  | "launchFailed"
  | "launchFailedFirst"
  | "startingTitle"
  | "startingDetail"
  | "failedEarly"
  | "interruptedEarly"
  | "stoppedEarly"
  | "unreadableRun"
  | "openLog"
  | "noEvaluationAt"
  | "noEvaluationDetail"
  | "noScores"
  | "noScoresDetail"
  | "noTestYet"
  // ranks view
  | "score"
  | "splitValidation"
  | "splitTest"
  | "ranksTitle"
  | "ranksSummary"
  | "trainedParameters"
  | "scoreOf"
  | "meanAndDeviation"
  | "everySeed"
  | "paretoFront"
  | "paretoFrontHint"
  | "against"
  | "againstParameters"
  | "againstRank"
  | "referenceMajority"
  | "referenceUnprompted"
  | "referenceUnpromptedAmongLabels"
  | "referenceBaseline"
  | "referenceMethod"
  | "onlyDifferences"
  | "groupSeeds"
  | "tableCaption"
  | "columnRun"
  | "columnState"
  | "columnMethod"
  | "columnRank"
  | "columnSeed"
  | "columnSeeds"
  | "seedsOf"
  | "seedsRepeated"
  | "repeatsHint"
  | "soFar"
  | "columnParameters"
  | "columnValidation"
  | "columnTest"
  | "columnBestStep"
  | "columnStep"
  | "columnTime"
  | "columnLoss"
  | "columnSplit"
  | "sortBy"
  | "limitedRows"
  | "baselineMark"
  | "setBaseline"
  | "clearBaseline"
  | "interval"
  // facts view
  | "factsOf"
  | "noFacts"
  | "sectionResult"
  | "sectionEvaluations"
  | "evaluatedOn"
  | "evaluatedScore"
  | "showAnswers"
  | "deleteEvaluation"
  | "sectionMachine"
  | "sectionMethod"
  | "sectionData"
  | "sectionSettings"
  | "sectionSettingsShared"
  | "sectionFiles"
  | "sectionWarnings"
  | "factState"
  | "factProgress"
  | "progressOf"
  | "factBest"
  | "atStep"
  | "factTest"
  | "factTime"
  | "factTimeLeft"
  | "factParameters"
  | "factSpeed"
  | "tokensPerSecond"
  | "factMemory"
  | "factDeviceMemory"
  | "deviceMemoryNow"
  | "memoryNow"
  | "memoryUnknown"
  | "factMemoryEstimate"
  | "memoryEstimated"
  | "memoryPeak"
  | "factDevice"
  | "factPrecision"
  | "factModel"
  | "factRevision"
  | "factWeights"
  | "factTrainData"
  | "factValidationData"
  | "factTestData"
  | "factCreated"
  | "factHost"
  | "factProcess"
  | "factUlpt"
  | "factOnnxruntime"
  | "factNode"
  | "factFolder"
  | "factJournal"
  | "factLog"
  | "factCheckpoints"
  | "costTitle"
  | "costRestricted"
  | "costReckoning"
  | "costModel"
  | "costLora"
  | "costOfReference"
  | "costOfModel"
  | "costBytes"
  | "costBytesHint"
  | "costMillion"
  | "costKeyValues"
  | "costKeyValuesWhole"
  | "costKeyValuesWindowed"
  | "costShared"
  | "costEach"
  | "costMeasure"
  | "costMeasureAgain"
  | "costMeasureHint"
  | "costMeasuring"
  | "costMachine"
  | "costMade"
  | "costProjection"
  | "costPrompt"
  | "costRead"
  | "costTextLength"
  | "costPrefillWithout"
  | "costPrefillFirst"
  | "costPrefillFirstHint"
  | "costPrefillLater"
  | "costPrefillLaterHint"
  | "costTokenWithout"
  | "costTokenWith"
  | "costTimes"
  | "costLeftOut"
  | "reveal"
  | "open"
  | "problemTitle";
