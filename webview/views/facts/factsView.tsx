/** @file The Facts view: everything known of one run. */
import type { ComponentChild, JSX } from "preact";
import { useLayoutEffect } from "preact/hooks";
import type { AskedView, FactKey, RunView, Settings, StringKey } from "../../../src/shared/panel.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { duration, type Texts } from "../../format.ts";
import { Button, Link, Select } from "../../ui/controls.tsx";
import { EmptyState } from "../emptyState.tsx";
import { stateText } from "../parts.tsx";
import { CostSection } from "./cost.tsx";
import "./facts.css";

type Fact = [label: string, value: ComponentChild];

const labels: Readonly<Record<FactKey, StringKey>> = {
  device: "factDevice",
  precision: "factPrecision",
  model: "factModel",
  revision: "factRevision",
  weights: "factWeights",
  trainData: "factTrainData",
  validationData: "factValidationData",
  testData: "factTestData",
  created: "factCreated",
  host: "factHost",
  process: "factProcess",
  ulpt: "factUlpt",
  onnxruntime: "factOnnxruntime",
  node: "factNode",
  folder: "factFolder",
  journal: "factJournal",
  log: "factLog",
  checkpoints: "factCheckpoints",
};

export function FactsView(): JSX.Element {
  const { store, preferences, texts, send, prefer } = usePanel();
  // The chosen run, or the one that is most likely meant: running, else the newest.
  const run =
    store.run(preferences.factsOf) ?? store.runs.find(({ state }) => state === "running") ?? store.runs.at(-1);
  const unknown = run && !store.details.has(run.id) ? run.id : undefined;
  useLayoutEffect(() => {
    if (unknown !== undefined) send({ type: "facts", run: unknown });
  }, [unknown]);
  if (!run) {
    return (
      <div class="facts">
        <EmptyState title={texts.t("noRuns")} detail={texts.t("noFacts")} />
      </div>
    );
  }
  const choose = (id: string) => {
    send({ type: "facts", run: id });
    prefer({ factsOf: id });
  };
  return (
    <>
      <div class="toolbar">
        <Select
          label={texts.t("factsOf")}
          options={choices(store.runs, run).map(({ id, name }) => ({ value: id, label: name }))}
          value={run.id}
          onChange={choose}
        />
        <span class="spacer" />
        <Actions run={run} />
      </div>
      <Sections run={run} />
      {run.method !== null && <CostSection run={run} />}
    </>
  );
}

/** More than anybody looks through. */
const mostChoices = 200;

/** Of very many runs those that are shown, and the one that is looked at. */
function choices(runs: readonly RunView[], chosen: RunView): readonly RunView[] {
  return runs.length <= mostChoices ? runs : runs.filter((run) => run.shown || run.id === chosen.id);
}

function Actions({ run }: { run: RunView }): JSX.Element {
  const { texts, command, store } = usePanel();
  const canResume = ["interrupted", "stopped", "paused", "failed"].includes(run.state) && store.experiment?.canTrain;
  return (
    <div class="fact-actions">
      {run.state === "running" && (
        <Button label={texts.t("stop")} icon="stop" onClick={() => command({ command: "stop", run: run.id })} />
      )}
      {canResume && (
        <Button
          label={texts.t("resume")}
          icon="train"
          primary
          onClick={() => command({ command: "resume", run: run.id })}
        />
      )}
      <Button
        label={texts.t(run.baseline ? "clearBaseline" : "setBaseline")}
        onClick={() => command({ command: "setBaseline", run: run.baseline ? null : run.id })}
      />
    </div>
  );
}

function Sections({ run }: { run: RunView }): JSX.Element {
  const context = usePanel();
  const { store, texts } = context;
  const details = store.details.get(run.id);
  const facts = (...keys: FactKey[]): Fact[] =>
    keys.flatMap((key): Fact[] => {
      const value = details?.facts[key];
      return value === undefined ? [] : [[texts.t(labels[key]), factValue(key, value, context)]];
    });
  const machine = [
    ...facts("device", "precision"),
    ...speed(run, context),
    ...facts("host", "process", "ulpt", "onnxruntime", "node", "created"),
  ];
  const all: [StringKey, Fact[]][] = [
    ["sectionResult", result(run, context)],
    ["sectionEvaluations", run.asked.map((one) => evaluation(one, run, context))],
    ["sectionMachine", machine],
    ["sectionMethod", (details?.method ?? []).map(({ name, value }): Fact => [name, value])],
    ["sectionData", facts("model", "revision", "weights", "trainData", "validationData", "testData")],
    ["sectionFiles", files(run, context)],
    ["sectionSettings", settingFacts(run.settings)],
    ["sectionSettingsShared", settingFacts(store.experiment?.common ?? {})],
  ];
  return (
    <div class="facts">
      {run.warnings.length > 0 && (
        <section class="fact-section">
          <h2>{texts.t("sectionWarnings")}</h2>
          {run.warnings.map((text) => (
            <p class="notice" key={text}>
              {text}
            </p>
          ))}
        </section>
      )}
      {all.map(
        ([title, rows]) =>
          rows.length > 0 && (
            <Section
              key={title}
              title={texts.t(title)}
              rows={rows}
              isCode={title === "sectionSettings" || title === "sectionSettingsShared"}
            />
          ),
      )}
    </div>
  );
}

function Section({ title, rows, isCode }: { title: string; rows: readonly Fact[]; isCode: boolean }): JSX.Element {
  return (
    <section class="fact-section">
      <h2>{title}</h2>
      <dl>
        {rows.map(([label, value], index) => (
          <div class="fact" key={`${index} ${label}`}>
            <dt>{isCode ? <code>{label}</code> : label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function result(run: RunView, context: PanelContext): Fact[] {
  const { texts } = context;
  const state = stateText(run, context);
  const best = run.bestScore === null ? null : texts.score(run.metric, run.bestScore);
  const interval = run.testInterval;
  const rows: (Fact | false)[] = [
    [texts.t("factState"), run.reason ? `${state}: ${run.reason}` : state],
    run.totalSteps !== null && [
      texts.t("factProgress"),
      texts.t("progressOf", texts.count(run.step), texts.count(run.totalSteps)),
    ],
    best !== null && [
      texts.t("factBest"),
      run.bestStep === null ? best : texts.t("atStep", best, texts.count(run.bestStep)),
    ],
    run.testScore !== null && [
      texts.t("factTest"),
      interval
        ? `${texts.percent(run.testScore)} (${texts.t("interval", texts.percent(interval[0]), texts.percent(interval[1]))})`
        : texts.percent(run.testScore),
    ],
    run.parameters !== null && [texts.t("factParameters"), texts.count(run.parameters)],
    run.seconds !== null && [texts.t("factTime"), duration(run.seconds)],
    run.secondsLeft !== null && [texts.t("factTimeLeft"), duration(run.secondsLeft)],
  ];
  return rows.filter((row) => row !== false);
}

function evaluation(asked: AskedView, { id }: RunView, { store, texts, command }: PanelContext): Fact {
  const { name, step, split, file, metric, score, interval, count } = asked;
  const [value, low, high] = [score, ...interval].map((one) => texts.score(metric, one));
  const of = { run: id, evaluation: name };
  return [
    texts.t("evaluatedOn", texts.count(step), file ?? texts.t(split === "test" ? "factTest" : "validationScore")),
    <span class="with-actions" key={name}>
      <span>{texts.t("evaluatedScore", metric, value!, low!, high!, texts.count(count))}</span>
      <Link label={texts.t("showAnswers")} onClick={() => command({ command: "showAnswers", ...of })} />
      {store.experiment?.canTrain && (
        <Link label={texts.t("deleteEvaluation")} onClick={() => command({ command: "deleteEvaluation", ...of })} />
      )}
    </span>,
  ];
}

function speed(run: RunView, { texts }: PanelContext): Fact[] {
  const { memoryEstimate: estimate, peakMemory, deviceMemory } = run;
  const memory = run.memory
    ? texts.t("memoryNow", texts.bytes(run.memory.now), texts.bytes(run.memory.peak))
    : peakMemory === null
      ? texts.t("memoryUnknown")
      : texts.t("memoryPeak", texts.bytes(peakMemory));
  return [
    ...(run.tokensPerSecond === null
      ? []
      : [
          [
            texts.t("factSpeed"),
            texts.t("tokensPerSecond", texts.count(Math.round(run.tokensPerSecond))),
          ] satisfies Fact,
        ]),
    ...(estimate === null ? [] : [[texts.t("factMemoryEstimate"), estimated(estimate, texts)] satisfies Fact]),
    [texts.t("factMemory"), memory],
    ...(deviceMemory === null
      ? []
      : [[texts.t("factDeviceMemory"), texts.t("deviceMemoryNow", texts.bytes(deviceMemory))] satisfies Fact]),
  ];
}

function estimated(
  { total, weights, steps, evaluations }: NonNullable<RunView["memoryEstimate"]>,
  texts: Texts,
): string {
  return texts.t("memoryEstimated", ...[total, weights, steps, evaluations].map((bytes) => texts.bytes(bytes)));
}

function factValue(key: FactKey, value: string, { texts }: PanelContext): ComponentChild {
  if (key === "created") return texts.moment(value);
  if (key.endsWith("Data") || key === "weights")
    return <code title={value}>{value.length > 20 ? `${value.slice(0, 16)}…` : value}</code>;
  return value;
}

function files(run: RunView, { store, texts, command }: PanelContext): Fact[] {
  const paths = store.details.get(run.id)?.facts ?? {};
  const actions: Partial<Record<FactKey, JSX.Element>> = {
    folder: <Link label={texts.t("reveal")} onClick={() => command({ command: "openRunFolder", run: run.id })} />,
    journal: <Link label={texts.t("open")} onClick={() => command({ command: "openJournal", run: run.id })} />,
    log: <Link label={texts.t("open")} onClick={() => command({ command: "openLog", run: run.id })} />,
  };
  return (["folder", "checkpoints", "journal", "log"] as const).flatMap((key): Fact[] => {
    const path = paths[key];
    if (path === undefined) return [];
    // The folder says where; of what lies in it the name is enough.
    const shown = key === "folder" ? path : (path.split(/[\\/]/).at(-1) ?? path);
    const value = (
      <span class="with-actions">
        <code title={path}>{shown}</code>
        {actions[key]}
      </span>
    );
    return [[texts.t(labels[key]), value]];
  });
}

function settingFacts(settings: Settings): Fact[] {
  return Object.entries(settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, value]): Fact => [path, <code key={path}>{value}</code>]);
}
