/** @file What the commands work with; made once by `activate`. */
import type { HubAccess } from "./hubAccess.ts";
import type { Log } from "./log.ts";
import type { Previews } from "./previews.ts";
import type { ServiceClient } from "./serviceClient.ts";
import type { ExperimentEntry, RunStore } from "./store.ts";
import type { UlptTasks } from "./tasks.ts";
import type { Trainings } from "./trainings.ts";
import type { PromptsView } from "./tree/promptsView.ts";
import type { RunsView } from "./tree/runsView.ts";

export interface Services {
  extensionPath: string;
  log: Log;
  store: RunStore;
  hub: HubAccess;
  service: ServiceClient;
  previews: Previews;
  trainings: Trainings;
  tasks: UlptTasks;
  runsView: RunsView;
  promptsView: PromptsView;
  openPanel(experiment: ExperimentEntry, focus?: { run?: string; view?: "loss" | "ranks" | "facts" }): void;
}
