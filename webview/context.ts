/** @file What the views work with. */
import type { PanelCommand, Preferences, RunView, StringKey, WebviewMessage } from "../src/shared/panel.ts";
import type { ChartTheme } from "./charts/theme.ts";
import type { Texts } from "./format.ts";
import type { PanelStore } from "./store.ts";

export interface PanelContext {
  readonly store: PanelStore;
  readonly texts: Texts;
  readonly preferences: Preferences;
  readonly theme: ChartTheme;
  /** Changes how the panel is looked at, keeps it, and draws it. */
  prefer(change: Partial<Preferences>): void;
  send(message: WebviewMessage): void;
  command(command: PanelCommand): void;
}

/** A part of the panel; `update` brings it to the state of the context. */
export interface PanelPart {
  readonly element: HTMLElement;
  update(): void;
}

export const stateNames: Readonly<Record<RunView["state"], StringKey>> = {
  created: "stateCreated",
  running: "stateRunning",
  interrupted: "stateInterrupted",
  finished: "stateFinished",
  "early-stopped": "stateEarlyStopped",
  stopped: "stateStopped",
  paused: "statePaused",
  failed: "stateFailed",
  unreadable: "stateUnreadable",
};
