/**
 * @file The run panel's entry in the webview: what the host says goes into the store, what the store holds is drawn.
 *
 * For end-to-end tests, `document.body.dataset` says what is on screen: `view`, `seq` (of the last message applied), `runs`
 * (how many), `points` (losses drawn, over all shown runs) and `lastStep` (the newest step of a shown run).
 */
import {
  defaultPreferences,
  type HostMessage,
  type PanelState,
  type Preferences,
  type View,
  type WebviewMessage,
} from "../src/shared/panel.ts";
import { onThemeChange, readTheme } from "./charts/theme.ts";
import type { PanelContext, PanelPart } from "./context.ts";
import { h } from "./dom.ts";
import { Texts } from "./format.ts";
import { PanelStore } from "./store.ts";
import { type Tabs, tabs } from "./ui/controls.ts";
import { FactsView } from "./views/facts.ts";
import { Header } from "./views/header.ts";
import { LossView } from "./views/loss.ts";
import { emptyState } from "./views/parts.ts";
import { RanksView } from "./views/ranks.ts";

declare function acquireVsCodeApi(): {
  postMessage(message: WebviewMessage): void;
  getState(): PanelState | undefined;
  setState(state: PanelState): void;
};

const host = acquireVsCodeApi();
const root = document.getElementById("panel") ?? document.body;
const store = new PanelStore();

interface Parts {
  header: Header;
  tabs: Tabs<View>;
  views: Record<View, PanelPart>;
  loss: LossView;
}

let preferences: Preferences = { ...defaultPreferences, ...host.getState()?.preferences };
let theme = readTheme();
let texts = new Texts({}, document.documentElement.lang);
let parts: Parts | undefined;
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

function build(): Parts {
  const loss = new LossView(context);
  const views = { loss, ranks: new RanksView(context), facts: new FactsView(context) };
  const header = new Header(context);
  const choice = tabs<View>(
    texts.t("views"),
    [
      { value: "loss", label: texts.t("viewLoss"), panel: views.loss.element },
      { value: "ranks", label: texts.t("viewRanks"), panel: views.ranks.element },
      { value: "facts", label: texts.t("viewFacts"), panel: views.facts.element },
    ],
    (view) => context.prefer({ view }),
  );
  root.replaceChildren(
    header.progressBar,
    header.element,
    h("nav", {}, choice.element),
    h("main", {}, views.loss.element, views.ranks.element, views.facts.element),
  );
  return { header, tabs: choice, views, loss };
}

/** Draws once before the next frame, however many messages come. */
function draw(): void {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    if (!store.experiment) return;
    parts ??= build();
    parts.header.update();
    parts.tabs.set(preferences.view);
    parts.views[preferences.view].update();
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
  if (message.type === "detail") {
    parts?.loss.receiveDetail(message.request, message.series);
    return;
  }
  if (message.type === "cost") {
    store.costs.set(message.run, message.state);
    draw();
    return;
  }
  if (message.type === "focus") {
    if (message.run) host.postMessage({ type: "facts", run: message.run });
    context.prefer({
      ...(message.view ? { view: message.view } : {}),
      ...(message.run ? { factsOf: message.run } : {}),
    });
    return;
  }
  if (message.type === "problem") {
    parts = undefined;
    root.replaceChildren(emptyState(texts.t("problemTitle"), message.message));
    return;
  }
  const applied = store.apply(message);
  if (applied === "gap") {
    if (!awaitsSnapshot) host.postMessage({ type: "resnapshot", have: store.seq });
    awaitsSnapshot = true;
    return;
  }
  if (message.type === "snapshot") {
    awaitsSnapshot = false;
    texts = new Texts(store.strings, document.documentElement.lang);
    keep();
  }
  draw();
}

window.addEventListener("message", ({ data }: MessageEvent<HostMessage>) => receive(data));
window.addEventListener("error", ({ message }) => host.postMessage({ type: "error", message }));
window.addEventListener("unhandledrejection", ({ reason }) =>
  host.postMessage({ type: "error", message: String(reason) }),
);
onThemeChange(() => {
  theme = readTheme();
  draw();
});
host.postMessage({ type: "ready", state: host.getState() ?? null });
