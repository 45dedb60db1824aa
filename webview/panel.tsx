/**
 * @file The run panel's entry in the webview: what the host says goes into the store, what the store holds is drawn.
 *
 * For end-to-end tests, `document.body.dataset` says what is on screen: `view`, `seq` (of the last message applied), `runs`
 * (how many), `points` (losses drawn, over all shown runs) and `lastStep` (the newest step of a shown run).
 */

import { type PackedMessage, unpack } from "../src/shared/packing.ts";
import { defaultPreferences, type HostMessage, type PanelState, type WebviewMessage } from "../src/shared/panel.ts";
import "./ui/base.css";
import { onThemeChange, readTheme, shareTheme } from "./charts/theme.ts";
import { type PanelContext, PanelProvider } from "./context.ts";
import { Texts } from "./format.ts";
import { render } from "./render.ts";
import { PanelStore } from "./store.ts";
import { EmptyState } from "./views/emptyState.tsx";
import { Panel } from "./views/panel.tsx";

declare function acquireVsCodeApi(): {
  postMessage(message: WebviewMessage): void;
  getState(): PanelState | undefined;
  setState(state: PanelState): void;
};

const host = acquireVsCodeApi();
const root = document.getElementById("panel") ?? document.body;
const store = new PanelStore();

let preferences = { ...defaultPreferences, ...host.getState()?.preferences };
let theme = readTheme();
shareTheme(theme);
let texts = new Texts({}, document.documentElement.lang);
/** Why the experiment cannot be shown at all. */
let problem: string | undefined;
let drawing = 0;
/** A snapshot was asked for; the deltas until then are of no use. */
let awaitsSnapshot = false;

const context: PanelContext = {
  store,
  get texts() {
    return texts;
  },
  get preferences() {
    return preferences;
  },
  get theme() {
    return theme;
  },
  prefer(change) {
    const { smoothing } = preferences;
    preferences = { ...preferences, ...change };
    if (preferences.smoothing !== smoothing) host.postMessage({ type: "smoothing", smoothing: preferences.smoothing });
    keep();
    draw();
  },
  send: (message) => host.postMessage(message),
  command: (command) => host.postMessage({ type: "command", ...command }),
};

function keep(): void {
  if (store.experiment) host.setState({ experiment: store.experiment.directory, preferences });
}

/** Draws once before the next frame, however many messages come. */
function draw(): void {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    if (problem !== undefined) {
      render(<EmptyState title={texts.t("problemTitle")} detail={problem} />, root);
      return;
    }
    if (!store.experiment) return;
    render(
      <PanelProvider value={context}>
        <Panel />
      </PanelProvider>,
      root,
    );
    report();
  });
}

function report(): void {
  const { dataset } = document.body;
  dataset.view = preferences.view;
  dataset.seq = String(store.seq);
  dataset.runs = String(store.runs.length);
  dataset.points = String(store.points);
  dataset.lastStep = String(Math.max(0, ...store.shown.map(({ step }) => step)));
}

function receive(message: HostMessage): void {
  if (message.type === "focus") {
    if (message.run) host.postMessage({ type: "facts", run: message.run });
    context.prefer({
      ...(message.view ? { view: message.view } : {}),
      ...(message.run ? { factsOf: message.run } : {}),
    });
    return;
  }
  if (message.type === "problem") {
    problem = message.message;
    draw();
    return;
  }
  const applied = store.apply(message);
  if (applied === "gap") {
    if (!awaitsSnapshot) host.postMessage({ type: "resnapshot", have: store.seq });
    awaitsSnapshot = true;
    return;
  }
  if (applied === "snapshot") {
    problem = undefined;
    awaitsSnapshot = false;
    texts = new Texts(store.strings, document.documentElement.lang);
    keep();
  }
  draw();
}

window.addEventListener("message", ({ data }: MessageEvent<PackedMessage>) => receive(unpack(data)));
window.addEventListener("error", ({ message }) => host.postMessage({ type: "error", message }));
window.addEventListener("unhandledrejection", ({ reason }) =>
  host.postMessage({ type: "error", message: String(reason) }),
);
onThemeChange(() => {
  theme = readTheme();
  shareTheme(theme);
  draw();
});
host.postMessage({ type: "ready", state: host.getState() ?? null });
