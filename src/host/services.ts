/** @file What the commands work with; made once by `activate`. */

import type { Previews } from "./data/previews.ts";
import type { HubAccess } from "./hub/hubAccess.ts";
import type { PromptsView } from "./prompts/promptsView.ts";
import type { ExperimentEntry } from "./runs/experiments.ts";
import type { RunsView } from "./runs/runsView.ts";
import type { RunStore } from "./runs/store.ts";
import type { Sweeps } from "./runs/sweeps.ts";
import type { ServiceClient } from "./service/serviceClient.ts";
import type { UlptTasks } from "./training/tasks.ts";
import type { Trainings } from "./training/trainings.ts";
import type { Log } from "./window/log.ts";

export interface Services {
  extensionPath: string;
  log: Log;
  store: RunStore;
  sweeps: Sweeps;
  hub: HubAccess;
  service: ServiceClient;
  previews: Previews;
  trainings: Trainings;
  tasks: UlptTasks;
  runsView: RunsView;
  promptsView: PromptsView;
  openPanel(experiment: ExperimentEntry, focus?: { run?: string; view?: "loss" | "ranks" | "facts" }): void;
}
