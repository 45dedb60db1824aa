/** @file What the prompt of a run costs its model: numbers to keep, keys and values to hold, and, once measured, times. */
import type { JSX } from "preact";
import { useLayoutEffect } from "preact/hooks";
import type { Cost, MeasuredCost } from "../../../src/results/cost.ts";
import type { CostProblem, CostState, RunView } from "../../../src/shared/panel.ts";
import { usePanel } from "../../context.ts";
import { Button } from "../../ui/controls.tsx";
import "./cost.css";

interface Column {
  label: string;
  title?: string;
}

/** Asks the host where nothing is known of the run yet: that starts a process, which a restricted workspace may not. */
export function CostSection({ run: { id } }: { run: RunView }): JSX.Element {
  const { store, texts, send } = usePanel();
  const mayAsk = store.experiment?.canTrain ?? false;
  const asks = mayAsk && !store.costs.has(id);
  useLayoutEffect(() => {
    if (!asks) return;
    store.costs.set(id, { kind: "reckoning" });
    send({ type: "cost", run: id, action: "reckon" });
  }, [asks, id]);
  return (
    <section class="cost">
      <h2>{texts.t("costTitle")}</h2>
      {mayAsk ? (
        <CostContent run={id} state={store.costs.get(id) ?? { kind: "reckoning" }} />
      ) : (
        <p class="muted">{texts.t("costRestricted")}</p>
      )}
    </section>
  );
}

function CostContent({ run, state }: { run: string; state: CostState }): JSX.Element {
  const { texts } = usePanel();
  if (state.kind === "reckoning") {
    return (
      <p class="muted" role="status">
        {texts.t("costReckoning")}
      </p>
    );
  }
  if (state.kind === "unknown") return <Problem problem={state.problem} />;
  const { cost, measured, isMeasuring, problem } = state;
  return (
    <>
      <OnPaper cost={cost} />
      <Actions run={run} isMeasured={measured !== null} isMeasuring={isMeasuring} />
      {problem && <Problem problem={problem} />}
      {measured && <Measured measured={measured} />}
    </>
  );
}

function Actions({
  run,
  isMeasured,
  isMeasuring,
}: {
  run: string;
  isMeasured: boolean;
  isMeasuring: boolean;
}): JSX.Element {
  const { texts, send } = usePanel();
  const ask = (action: "measure" | "stop") => () => send({ type: "cost", run, action });
  return (
    <div class="cost-actions">
      {isMeasuring ? (
        <Button key="stop" label={texts.t("stop")} onClick={ask("stop")} />
      ) : (
        <Button
          key="measure"
          label={texts.t(isMeasured ? "costMeasureAgain" : "costMeasure")}
          title={texts.t("costMeasureHint")}
          onClick={ask("measure")}
        />
      )}
      <span class="muted" role="status">
        {isMeasuring ? texts.t("costMeasuring") : ""}
      </span>
    </div>
  );
}

function OnPaper({
  cost: { modelType, parameters, hiddenSize, promptLength, methods, keyValues },
}: {
  cost: Cost;
}): JSX.Element {
  const { texts } = usePanel();
  const reference = methods.find(({ isReference }) => isReference);
  const full = reference?.parameters ?? Number.NaN;
  const rows = methods.map(({ method, rank, weights, parameters: trained, bytes }) => [
    weights ? texts.t("costLora", rank ?? "", weights.join(", ")) : withRank(method, rank),
    texts.count(trained),
    texts.percent(trained / full),
    texts.share(trained / parameters),
    texts.bytes(bytes),
    texts.bytes(1e6 * bytes),
  ]);
  const head: Column[] = [
    { label: texts.t("columnMethod") },
    { label: texts.t("columnParameters") },
    { label: texts.t("costOfReference", reference?.method ?? "") },
    { label: texts.t("costOfModel") },
    { label: texts.t("costBytes"), title: texts.t("costBytesHint") },
    { label: texts.t("costMillion"), title: texts.t("costBytesHint") },
  ];
  const { kind, layers, keyValueHeads, headSize, tokens, bytes } = keyValues;
  const isWhole = tokens === layers * promptLength;
  const sum = isWhole
    ? texts.t("costKeyValuesWhole", texts.count(layers), keyValueHeads, headSize, texts.count(promptLength))
    : texts.t("costKeyValuesWindowed", texts.count(layers), keyValueHeads, headSize, texts.count(tokens));
  const readOnce = texts.t(kind === "decoder" ? "costShared" : "costEach");
  return (
    <>
      <p class="muted">
        {texts.t("costModel", modelType, texts.count(parameters), texts.count(hiddenSize), texts.count(promptLength))}
      </p>
      <Table caption={texts.t("costTitle")} head={head} rows={rows} />
      <p>{`${texts.t("costKeyValues", texts.bytes(bytes.float16), texts.bytes(bytes.float32), sum)} ${readOnce}`}</p>
    </>
  );
}

function Measured({
  measured: { machine, repeats, newTokens, ranks, texts: read, leftOut },
}: {
  measured: MeasuredCost;
}): JSX.Element {
  const { texts } = usePanel();
  const { processor, cores, platform, device, onnxruntime, node } = machine;
  const time = (value: number) => texts.milliseconds(value);
  const made = ranks.map(({ method, rank, projection, prompt }) => [
    withRank(method, rank),
    time(projection),
    time(prompt),
  ]);
  const rows = read.map(({ textLength, without, first, later }) => [
    texts.count(textLength),
    ...[without.prefill, first.prefill, later.prefill, without.perToken, later.perToken].map(time),
  ]);
  const prompts: Column[] = [
    { label: texts.t("columnMethod") },
    { label: texts.t("costProjection") },
    { label: texts.t("costPrompt") },
  ];
  const reading: Column[] = [
    { label: texts.t("costTextLength") },
    { label: texts.t("costPrefillWithout") },
    { label: texts.t("costPrefillFirst"), title: texts.t("costPrefillFirstHint") },
    { label: texts.t("costPrefillLater"), title: texts.t("costPrefillLaterHint") },
    { label: texts.t("costTokenWithout") },
    { label: texts.t("costTokenWith") },
  ];
  const on = texts.t("costMachine", processor, cores, platform, device);
  return (
    <>
      <p class="muted">{`${on} ONNX Runtime ${onnxruntime}, Node.js ${node}.`}</p>
      <Table caption={texts.t("costMade")} head={prompts} rows={made} />
      <Table caption={texts.t("costRead")} head={reading} rows={rows} />
      <p class="muted">{texts.t("costTimes", repeats, newTokens)}</p>
      {leftOut.length > 0 && <p class="muted">{texts.t("costLeftOut", leftOut.join(", "))}</p>}
    </>
  );
}

function Problem({ problem: { message, hint } }: { problem: CostProblem }): JSX.Element {
  return (
    <p class="notice" role="alert">
      {[message, hint].filter(Boolean).join(" ")}
    </p>
  );
}

/** The first column names the row, the others are numbers. */
function Table({
  caption,
  head,
  rows,
}: {
  caption: string;
  head: readonly Column[];
  rows: readonly (readonly string[])[];
}): JSX.Element {
  return (
    <section
      class="table-scroll"
      aria-label={caption}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            {head.map(({ label, title }, index) => (
              <th scope="col" class={index > 0 ? "number" : undefined} title={title} key={label}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...numbers]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {numbers.map((number, index) => (
                <td class="number" key={head[index + 1]?.label}>
                  {number}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** `ulpt r=2` */
function withRank(method: string, rank: number | undefined): string {
  return rank === undefined ? method : `${method} r=${rank}`;
}
