/** @file The Loss view: the course of the ticked runs. */
import type { JSX } from "preact";
import type { Axis } from "../../../src/results/curve.ts";
import { hasFailed } from "../../../src/results/groups.ts";
import type { PanelCommand, RunView, StringKey } from "../../../src/shared/panel.ts";
import { xLabels } from "../../charts/courseChart.ts";
import type { CourseOf } from "../../charts/lines.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { Button, Checkbox, Divider, Segmented, Slider } from "../../ui/controls.tsx";
import { EmptyState } from "../emptyState.tsx";
import { NoRuns } from "../noRuns.tsx";
import { LossCharts } from "./lossCharts.tsx";
import { LossTable } from "./lossTable.tsx";
import { RunList } from "./runList.tsx";
import { useZoom, type Zoom } from "./zoom.ts";
import "./loss.css";

export function LossView(): JSX.Element {
  const context = usePanel();
  const { store } = context;
  const zoom = useZoom(context);
  const { shown } = store;
  const courses = shown.flatMap((run): CourseOf[] => {
    const course = store.courses.get(run.id);
    return course ? [{ run, course, detail: zoom.range ? store.closeUp.get(run.id) : undefined }] : [];
  });
  const hasPoints = courses.some(({ course }) => course.columns.step.length > 0);
  return (
    <>
      {hasPoints && <Toolbar zoom={zoom} />}
      <div class="columns">
        <div class="charts">
          <Notes shown={shown} hasPoints={hasPoints} />
          {!hasPoints && <WhyEmpty shown={shown} />}
          {hasPoints && (
            <>
              <LossCharts courses={courses} zoom={zoom} />
              <Divider />
              <LossTable courses={courses} />
            </>
          )}
        </div>
        <RunList />
      </div>
    </>
  );
}

function Toolbar({ zoom }: { zoom: Zoom }): JSX.Element {
  const { texts, preferences, prefer } = usePanel();
  return (
    <div class="toolbar">
      <Segmented<Axis>
        label={texts.t("xAxis")}
        options={(["step", "seconds", "examples"] as const).map((value) => ({ value, label: texts.t(xLabels[value]) }))}
        value={preferences.x}
        onChange={(x) => {
          zoom.set(null);
          prefer({ x });
        }}
      />
      <Slider
        label={texts.t("smoothing")}
        title={texts.t("smoothingHint")}
        max={0.99}
        step={0.01}
        value={preferences.smoothing}
        onInput={(smoothing) => prefer({ smoothing })}
      />
      <Checkbox label={texts.t("logX")} checked={preferences.logX} onChange={(logX) => prefer({ logX })} />
      <Checkbox label={texts.t("logY")} checked={preferences.logY} onChange={(logY) => prefer({ logY })} />
      <Checkbox
        label={texts.t("seedMeans")}
        title={texts.t("seedMeansHint")}
        checked={preferences.seedMeans}
        onChange={(seedMeans) => prefer({ seedMeans })}
      />
      <span class="spacer" />
      {zoom.range && <Button label={texts.t("resetZoom")} icon="reset" onClick={() => zoom.set(null)} />}
    </div>
  );
}

/** Sentences about single runs: diverged, failed, still being read. */
function Notes({ shown, hasPoints }: { shown: readonly RunView[]; hasPoints: boolean }): JSX.Element {
  const { texts } = usePanel();
  const sentences = shown.flatMap((run) => [
    ...(run.divergedAt === null ? [] : [texts.t("diverged", run.name, texts.count(run.divergedAt))]),
    ...(hasPoints && hasFailed(run) && run.reason ? [`${run.name}: ${run.reason}`] : []),
    ...(run.reading && run.totalSteps !== null
      ? [texts.t("unread", run.name, texts.count(run.step), texts.count(run.totalSteps))]
      : []),
  ]);
  return (
    <div class="notes">
      {sentences.slice(0, 3).map((sentence) => (
        <p class="notice" key={sentence}>
          {sentence}
        </p>
      ))}
    </div>
  );
}

interface Reason {
  title: string;
  detail: string;
  action?: { label: StringKey; command: PanelCommand } | undefined;
}

function WhyEmpty({ shown }: { shown: readonly RunView[] }): JSX.Element {
  const context = usePanel();
  if (context.store.runs.length === 0) return <NoRuns />;
  const { title, detail, action } = reasonOf(context, shown);
  return (
    <EmptyState title={title} detail={detail}>
      {action && (
        <Button label={context.texts.t(action.label)} primary onClick={() => context.command(action.command)} />
      )}
    </EmptyState>
  );
}

function reasonOf({ store, texts }: PanelContext, shown: readonly RunView[]): Reason {
  const canTrain = store.experiment?.canTrain ?? false;
  if (!shown.length) return { title: texts.t("noneShown"), detail: texts.t("noneShownDetail") };
  const live = shown.find(({ state }) => state === "running" || state === "created");
  if (live?.reason) return { title: live.name, detail: live.reason };
  if (live) return { title: texts.t("startingTitle", live.name), detail: texts.t("startingDetail") };
  const run = shown.at(-1)!;
  const detail = run.reason ?? "";
  if (run.state === "failed") {
    const action = { label: "openLog", command: { command: "openLog", run: run.id } } as const;
    return { title: texts.t("failedEarly", run.name), detail, action };
  }
  if (run.state === "unreadable") return { title: texts.t("unreadableRun", run.name), detail };
  if (run.state === "interrupted") {
    const action = { label: "resume", command: { command: "resume", run: run.id } } as const;
    return { title: texts.t("interruptedEarly", run.name), detail, action: canTrain ? action : undefined };
  }
  return { title: texts.t("stoppedEarly", run.name), detail };
}
