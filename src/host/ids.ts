/** @file Every identifier that package.json and the code share. A test compares them. */

/** Commands of the host's core. `registerCommands` takes a handler for each. */
export const coreCommands = {
  train: "ulpt.train",
  sweep: "ulpt.sweep",
  resume: "ulpt.resume",
  stop: "ulpt.stop",
  stopNow: "ulpt.stopNow",
  openPanel: "ulpt.openPanel",
  openRunTable: "ulpt.openRunTable",
  openExperimentFile: "ulpt.openExperimentFile",
  compareRanks: "ulpt.compareRanks",
  setBaseline: "ulpt.setBaseline",
  clearBaseline: "ulpt.clearBaseline",
  showInCharts: "ulpt.showInCharts",
  hideFromCharts: "ulpt.hideFromCharts",
  groupRuns: "ulpt.groupRuns",
  sortRuns: "ulpt.sortRuns",
  filterRuns: "ulpt.filterRuns",
  clearRunFilter: "ulpt.clearRunFilter",
  refresh: "ulpt.refresh",
  evaluate: "ulpt.evaluate",
  deleteEvaluation: "ulpt.deleteEvaluation",
  exportPrompt: "ulpt.exportPrompt",
  exportPeft: "ulpt.exportPeft",
  exportEmbeddings: "ulpt.exportEmbeddings",
  importPeft: "ulpt.importPeft",
  tryPrompt: "ulpt.tryPrompt",
  openPrompt: "ulpt.openPrompt",
  renamePrompt: "ulpt.renamePrompt",
  deletePrompt: "ulpt.deletePrompt",
  deleteRun: "ulpt.deleteRun",
  reveal: "ulpt.reveal",
  copyPath: "ulpt.copyPath",
  previewData: "ulpt.previewData",
  download: "ulpt.download",
  reproduce: "ulpt.reproduce",
  compareWithPaper: "ulpt.compareWithPaper",
  signIn: "ulpt.signIn",
  signOut: "ulpt.signOut",
  checkRuntime: "ulpt.checkRuntime",
  checkCluster: "ulpt.checkCluster",
  setUpCuda: "ulpt.setUpCuda",
  showLog: "ulpt.showLog",
  showRunLog: "ulpt.showRunLog",
  dismissFailure: "ulpt.dismissFailure",
  pauseSweep: "ulpt.pauseSweep",
  continueSweep: "ulpt.continueSweep",
  stopSweep: "ulpt.stopSweep",
  dropFromSweep: "ulpt.dropFromSweep",
  trainNext: "ulpt.trainNext",
} as const;

/** Commands that only our own items run, and that package.json need not know. */
export const internalCommands = {
  showMore: "ulpt.internal.showMore",
  /** Whether the Runs view lists runs that somebody hid: the other way round. */
  toggleHidden: "ulpt.internal.toggleHidden",
  showStatus: "ulpt.internal.showStatus",
  /** Other rows of a preview: its page's links. */
  showPreview: "ulpt.internal.showPreview",
} as const;

/** Commands of other parts of the host that the core refers to. */
export const otherCommands = {
  newExperiment: "ulpt.newExperiment",
  openCheckpoint: "ulpt.openCheckpoint",
} as const;

/** Commands of documents.ts: checkpoints and prompts as documents, comparisons, experiment files, starting out. */
export const documentCommands = {
  openCheckpoint: otherCommands.openCheckpoint,
  diffPrevious: "ulpt.diffPrevious",
  diffBest: "ulpt.diffBest",
  diffBaseline: "ulpt.diffBaseline",
  selectForCompare: "ulpt.selectForCompare",
  compareWithSelected: "ulpt.compareWithSelected",
  compareCheckpoints: "ulpt.compareCheckpoints",
  compareRuns: "ulpt.compareRuns",
  compareAnswers: "ulpt.compareAnswers",
  compareScores: "ulpt.compareScores",
  toggleInlineDeltas: "ulpt.toggleInlineDeltas",
  newExperiment: otherCommands.newExperiment,
  openSample: "ulpt.openSample",
  openWalkthrough: "ulpt.openWalkthrough",
} as const;

/** Commands that only lenses and quick fixes of documents.ts run. */
export const internalDocumentCommands = {
  chooseFile: "ulpt.internal.chooseFile",
  showPlannedSettings: "ulpt.internal.showPlannedSettings",
  /** Answers to the rows of an evaluation, or two of them side by side. */
  showAnswers: "ulpt.internal.showAnswers",
} as const;

export type CoreCommand = (typeof coreCommands)[keyof typeof coreCommands];
export type DocumentCommand = (typeof documentCommands)[keyof typeof documentCommands];
export type InternalDocumentCommand = (typeof internalDocumentCommands)[keyof typeof internalDocumentCommands];
export type InternalCommand = (typeof internalCommands)[keyof typeof internalCommands];

export const viewContainer = "ulpt";
export const views = { runs: "ulpt.runs", prompts: "ulpt.prompts" } as const;
export const promptEditorType = "ulpt.promptEditor";
export const walkthroughId = "ulpt.start";
export const taskType = "ulpt";
/** Whose diagnostics the editor's checks are. No problem matcher may have this owner: a task that ends clears its owner's. */
export const diagnosticOwner = "ulpt";

/** Whose diagnostics are of launches that failed before their first run. */
export const launchDiagnosticOwner = "ulpt-launch";

export const problemMatcher = "$ulpt";

export const contextKeys = {
  /** The runtime or its native part is not there. */
  runtimeMissing: "ulpt.runtimeMissing",
  /** The workspace has no experiment file. Not set before somebody looked. */
  noExperiment: "ulpt.noExperiment",
  /** At least one run is being trained. */
  running: "ulpt.running",
  /** The Runs view leaves some runs out. */
  filtered: "ulpt.filtered",
  /** Some run has been seen. */
  hasRuns: "ulpt.hasRuns",
  /** A checkpoint was selected for compare. */
  checkpointSelected: "ulpt.checkpointSelected",
} as const;

export const settings = {
  inlineDeltas: "ulpt.inlineDeltas",
  diffPrecision: "ulpt.diff.precision",
  nodePath: "ulpt.runtime.nodePath",
  openPanel: "ulpt.train.openPanel",
  onFinish: "ulpt.notifications.onFinish",
  hubOffline: "ulpt.hub.offline",
  hubEndpoint: "ulpt.hub.endpoint",
  runGeneratedCode: "ulpt.runGeneratedCode",
} as const;

/** Settings that a workspace without trust cannot give. */
export const restrictedSettings = [
  settings.nodePath,
  settings.hubOffline,
  settings.hubEndpoint,
  settings.runGeneratedCode,
] as const;

/** First words of `contextValue`; states and marks follow, parted by spaces. Menus match them with `viewItem =~`. */
export const contextValues = {
  folder: "ulptFolder",
  experiment: "ulptExperiment",
  group: "ulptGroup",
  run: "ulptRun",
  checkpoint: "ulptCheckpoint",
  evaluation: "ulptEvaluation",
  launch: "ulptLaunch",
  sweep: "ulptSweep",
  waiting: "ulptWaiting",
  prompt: "ulptPrompt",
  message: "ulptMessage",
} as const;
