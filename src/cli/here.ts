/** @file The commands that the main thread does itself, with all that they need. */
import { prepareEngineBy } from "../graph/engine.ts";
import { cudaPreparation } from "./cuda.ts";

export { printBenchMemory } from "./bench.ts";
export { checkCluster, writeAnswer } from "./cluster.ts";
export { compare } from "./compare.ts";
export { agreeToCuda, removeDevice } from "./cuda.ts";
export { listTasks } from "./data.ts";
export { listDevices, printProbe } from "./devices.ts";
export { runJob } from "./job.ts";
export { noteRun, starRun, tagRun } from "./marks.ts";
export { showPaper } from "./paper.ts";
export { showRows } from "./rows.ts";
export { showRuns } from "./runs.ts";
export { serve } from "./serve.ts";
export { stopRun } from "./stop.ts";
export { dropFromSweep, listAllSweeps, pauseSweep, showSweep, stopSweep, trainNextInSweep } from "./sweep.ts";

prepareEngineBy(cudaPreparation);
