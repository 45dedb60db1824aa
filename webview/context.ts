/** @file What the views work with. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
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

const Context = createContext<PanelContext | undefined>(undefined);

export const PanelProvider = Context.Provider;

/** The state of the panel as it is now: its views are drawn anew whenever any of it changes. */
export function usePanel(): PanelContext {
  const context = useContext(Context);
  if (!context) throw new Error("A view of the panel was drawn outside of it.");
  return context;
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
