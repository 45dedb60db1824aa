/** @file The head of the panel: the experiment, what it is doing, and what to do with it. */
import type { PanelContext, PanelPart } from "../context.ts";
import { h, replaceChildren, setText } from "../dom.ts";
import { button, iconButton, setDisabled, showMenu } from "../ui/controls.ts";

/** A screen reader hears of progress this often at most, in milliseconds. */
const speakEvery = 10_000;

export class Header implements PanelPart {
  readonly element: HTMLElement;
  private readonly context: PanelContext;
  private readonly title = h("h1");
  private readonly facts = h("span", { class: "subtitle-facts" });
  private readonly status = h("span", { class: "status" });
  private readonly progress = h("progress", { class: "progress", max: 1, "aria-hidden": "true", tabindex: -1 });
  private readonly live = h("div", { class: "hidden", "aria-live": "polite" });
  private readonly notice = h("p", { class: "notice", hidden: true });
  private readonly train: HTMLElement;
  private readonly stop: HTMLElement;
  private readonly sweep: HTMLElement;
  private readonly more: HTMLElement;
  private readonly actions = h("div", { class: "actions" });
  private spokenAt = 0;
  private spokenRuns = "";

  constructor(context: PanelContext) {
    this.context = context;
    const { texts } = context;
    this.train = button({
      label: texts.t("train"),
      title: texts.t("trainHint"),
      icon: "train",
      primary: true,
      onClick: () => context.command({ command: "train" }),
    });
    this.stop = button({
      label: texts.t("stop"),
      title: texts.t("stopHint"),
      icon: "stop",
      onClick: () => this.stopRunning(),
    });
    this.sweep = button({
      label: texts.t("sweep"),
      title: texts.t("sweepHint"),
      icon: "sweep",
      onClick: () => context.command({ command: "sweep" }),
    });
    this.more = iconButton({ label: texts.t("more"), icon: "more", onClick: () => this.showMore() });
    this.more.setAttribute("aria-haspopup", "menu");
    this.element = h(
      "header",
      {},
      h(
        "div",
        { class: "title-row" },
        h("div", { class: "titles" }, this.title, h("p", { class: "subtitle" }, this.facts, this.status)),
        this.actions,
      ),
      this.notice,
      this.live,
    );
  }

  /** At the upper edge, where VS Code shows progress. */
  get progressBar(): HTMLElement {
    return this.progress;
  }

  update(): void {
    const { store, texts } = this.context;
    const experiment = store.experiment;
    if (!experiment) return;
    setText(this.title, experiment.name);
    const count = store.runs.length;
    const counted = count === 1 ? texts.t("runsCountOne") : texts.t("runsCount", texts.count(count));
    const facts = [experiment.model, counted, experiment.sweep];
    setText(this.facts, facts.filter(Boolean).join(" · "));

    const running = store.runs.filter(({ state }) => state === "running");
    const sentence = this.sentence();
    setText(this.status, sentence);
    this.status.classList.toggle("busy", running.length > 0);
    this.speak(sentence);

    const share = running.reduce((sum, run) => sum + (run.totalSteps ? run.step / run.totalSteps : 0), 0);
    this.progress.value = running.length ? share / running.length : 0;
    this.progress.classList.toggle("idle", running.length === 0);

    setDisabled(this.train, !experiment.canTrain);
    setDisabled(this.sweep, !experiment.canTrain);
    this.notice.hidden = experiment.canTrain;
    setText(this.notice, experiment.canTrain ? "" : texts.t("restricted"));
    const actions = [this.train, ...(running.length ? [this.stop] : []), this.sweep, this.more];
    replaceChildren(this.actions, actions);
  }

  private sentence(): string {
    const { store, texts } = this.context;
    const running = store.runs.filter(({ state }) => state === "running");
    const [run] = running;
    if (!store.runs.length) return texts.t("statusNone");
    if (!run) return texts.t("statusIdle");
    if (running.length > 1) return texts.t("statusRunningMany", texts.count(running.length));
    if (run.lastLoss === null || run.totalSteps === null) return texts.t("startingTitle", run.name);
    return texts.t(
      "statusRunning",
      run.name,
      texts.count(run.step),
      texts.count(run.totalSteps),
      texts.loss(run.lastLoss),
    );
  }

  /** At once when a run begins or ends, else now and then. */
  private speak(sentence: string): void {
    const states = this.context.store.runs.map(({ id, state }) => `${id} ${state}`).join();
    const now = Date.now();
    if (states === this.spokenRuns && now - this.spokenAt < speakEvery) return;
    this.spokenRuns = states;
    this.spokenAt = now;
    setText(this.live, sentence);
  }

  private stopRunning(): void {
    const { store, texts, command } = this.context;
    const running = store.runs.filter(({ state }) => state === "running");
    if (running.length === 1) {
      command({ command: "stop", run: running[0]!.id });
      return;
    }
    const items = running.map((run) => ({
      label: run.name,
      run: () => command({ command: "stop" as const, run: run.id }),
    }));
    showMenu(this.stop, texts.t("stop"), items);
  }

  private showMore(): void {
    const { texts, command, store } = this.context;
    const disabled = store.runs.length === 0;
    showMenu(this.more, texts.t("more"), [
      { label: texts.t("openExperimentFile"), run: () => command({ command: "openExperimentFile" }) },
      { label: texts.t("openExperimentFolder"), disabled, run: () => command({ command: "openExperimentFolder" }) },
      "separator",
      { label: texts.t("exportCsv"), disabled, run: () => command({ command: "exportCsv" }) },
      { label: texts.t("copyMarkdown"), disabled, run: () => command({ command: "copyMarkdown" }) },
    ]);
  }
}
