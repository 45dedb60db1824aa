/** @file The head of the panel: the experiment, what it is doing, and what to do with it. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { RunView } from "../../../src/shared/panel.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { Button, type Click, IconButton, Link } from "../../ui/controls.tsx";
import { showMenu } from "../../ui/menu.tsx";
import "./header.css";

/** A screen reader hears of progress this often at most, in milliseconds. */
const speakEvery = 10_000;

export function Header(): JSX.Element | null {
  const context = usePanel();
  const { store, texts, command } = context;
  const { experiment, runs } = store;
  if (!experiment) return null;
  const counted = runs.length === 1 ? texts.t("runsCountOne") : texts.t("runsCount", texts.count(runs.length));
  const hidden = experiment.hidden > 0 && texts.t("runsHidden", texts.count(experiment.hidden));
  const facts = [experiment.model, counted, hidden, experiment.sweep?.text];
  const running = runs.filter(({ state }) => state === "running");
  const isStarting = experiment.launch?.state === "starting";
  const sentence = sentenceOf(context, running);
  return (
    <>
      <Progress running={running} />
      <header>
        <div class="title-row">
          <div class="titles">
            <h1>{experiment.name}</h1>
            <p class="subtitle">
              <span class="subtitle-facts">{facts.filter(Boolean).join(" · ")}</span>
              <span class={running.length > 0 || isStarting ? "status busy" : "status"}>{sentence}</span>
            </p>
          </div>
          <div class="actions">
            {!isStarting && (
              <Button
                label={texts.t("train")}
                title={texts.t("trainHint")}
                icon="train"
                primary
                disabled={!experiment.canTrain}
                onClick={() => command({ command: "train" })}
              />
            )}
            {(running.length > 0 || isStarting) && (
              <Button
                label={texts.t("stop")}
                title={texts.t("stopHint")}
                icon="stop"
                onClick={stopOneOf(context, running)}
              />
            )}
            <Button
              label={texts.t("sweep")}
              title={texts.t("sweepHint")}
              icon="sweep"
              disabled={!experiment.canTrain}
              onClick={() => command({ command: "sweep" })}
            />
            <SweepButton />
            <IconButton label={texts.t("more")} icon="more" hasMenu onClick={showMore(context)} />
          </div>
        </div>
        {!experiment.canTrain && <p class="notice">{texts.t("restricted")}</p>}
        {/* Where there are no runs, the view itself has room to say it. */}
        {experiment.launch?.state === "failed" && runs.length > 0 && (
          <p class="notice" title={experiment.launch.detail}>
            {texts.t("launchFailed", experiment.launch.message)}{" "}
            <Link label={texts.t("openLog")} onClick={() => command({ command: "openLaunchLog" })} />
          </p>
        )}
        <Spoken sentence={sentence} />
      </header>
    </>
  );
}

/** Pauses a sweep that is being trained, or lets one go on. */
function SweepButton(): JSX.Element | null {
  const { store, texts, command } = usePanel();
  const { sweep = null, canTrain = false } = store.experiment ?? {};
  if (!sweep || !canTrain) return null;
  if (sweep.isRunning) {
    return <Button label={texts.t("pauseSweep")} onClick={() => command({ command: "pauseSweep" })} />;
  }
  if (!sweep.isContinuable) return null;
  return <Button label={texts.t("continueSweep")} onClick={() => command({ command: "continueSweep" })} />;
}

/** At the upper edge, where VS Code shows progress. */
function Progress({ running }: { running: readonly RunView[] }): JSX.Element {
  const done = running.reduce((sum, run) => sum + (run.totalSteps ? run.step / run.totalSteps : 0), 0);
  return (
    <progress
      class={running.length > 0 ? "progress" : "progress idle"}
      max={1}
      value={running.length > 0 ? done / running.length : 0}
      aria-hidden="true"
      tabIndex={-1}
    />
  );
}

/** Said at once when a run begins or ends, else now and then. */
function Spoken({ sentence }: { sentence: string }): JSX.Element {
  const { store } = usePanel();
  const said = useRef({ at: 0, states: "", sentence: "" });
  const states = store.runs.map(({ id, state }) => `${id} ${state}`).join();
  const now = Date.now();
  if (states !== said.current.states || now - said.current.at >= speakEvery) {
    said.current = { at: now, states, sentence };
  }
  return (
    <div class="hidden" aria-live="polite">
      {said.current.sentence}
    </div>
  );
}

function sentenceOf({ store, texts }: PanelContext, running: readonly RunView[]): string {
  const [run] = running;
  const launch = store.experiment?.launch;
  if (!run && launch?.state === "starting") return texts.t("launchStarting", launch.text);
  if (!store.runs.length) return texts.t(launch ? "launchFailedFirst" : "statusNone");
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

function stopOneOf({ texts, command }: PanelContext, running: readonly RunView[]): Click {
  const stop = (run: RunView) => command({ command: "stop", run: run.id });
  return ({ currentTarget }) => {
    if (running.length === 0) return command({ command: "stopStarting" });
    if (running.length === 1) return stop(running[0]!);
    const items = running.map((run) => ({ label: run.name, run: () => stop(run) }));
    showMenu(currentTarget, texts.t("stop"), items);
  };
}

function showMore({ store, texts, command }: PanelContext): Click {
  const disabled = store.runs.length === 0;
  return ({ currentTarget }) =>
    showMenu(currentTarget, texts.t("more"), [
      { label: texts.t("openExperimentFile"), run: () => command({ command: "openExperimentFile" }) },
      { label: texts.t("openExperimentFolder"), disabled, run: () => command({ command: "openExperimentFolder" }) },
      "separator",
      { label: texts.t("exportCsv"), disabled, run: () => command({ command: "exportCsv" }) },
      { label: texts.t("copyMarkdown"), disabled, run: () => command({ command: "copyMarkdown" }) },
    ]);
}
