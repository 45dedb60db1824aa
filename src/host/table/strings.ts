/** @file Every text of the table of all runs. */
import type { TableStrings } from "../../shared/runTable.ts";
import { panelStrings } from "../panel/strings.ts";
import type { Translate } from "../window/translate.ts";

export function tableStrings(t: Translate): TableStrings {
  const panel = panelStrings(t);
  return {
    title: t("All runs"),
    filter: t("Filter: rank>=8 method=ulpt #tag text"),
    filterHint: t("Conditions on any setting or metric, tags with #, and words of a name or a note; all of them hold"),
    starredOnly: t("Starred only"),
    showHidden: t("Hidden too"),
    columns: t("Columns"),
    counted: t("{0} of {1} runs"),
    none: t("No run yet"),
    noneDetail: t("Runs of all experiments of this workspace are listed here."),
    noMatch: t("No run is like that"),
    noMatchDetail: t("Change the filter, or show hidden runs."),
    run: t("Run"),
    baseline: panel.baselineMark,
    sortBy: panel.sortBy,
    actions: t("What to do with {0}"),
    open: t("Open"),
    star: t("Star"),
    unstar: t("Take the Star Away"),
    tags: t("Tags…"),
    note: t("Note…"),
    rename: t("Rename…"),
    hide: t("Hide"),
    unhide: t("Show Again"),
    setBaseline: panel.setBaseline,
    clearBaseline: panel.clearBaseline,
    keys: t("Arrow keys move, Enter opens, s stars, h hides, m shows everything that can be done"),
    fields: {
      experiment: t("Experiment"),
      method: panel.columnMethod,
      rank: panel.columnRank,
      seed: panel.columnSeed,
      parameters: panel.columnParameters,
      promptLength: t("Prompt length"),
      validation: panel.columnValidation,
      test: panel.columnTest,
      metric: t("Metric"),
      step: panel.columnStep,
      steps: t("Steps planned"),
      state: panel.columnState,
      device: t("Device"),
      created: t("Created"),
      updated: t("Changed"),
    },
    states: {
      created: panel.stateCreated,
      running: panel.stateRunning,
      interrupted: panel.stateInterrupted,
      finished: panel.stateFinished,
      "early-stopped": panel.stateEarlyStopped,
      stopped: panel.stateStopped,
      paused: panel.statePaused,
      failed: panel.stateFailed,
      unreadable: panel.stateUnreadable,
    },
  };
}
