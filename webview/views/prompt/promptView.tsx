/** @file The page of an exported prompt: facts, size, tokens, and a box to try it. */
import type { JSX } from "preact";
import type {
  EvaluationAction,
  FromPromptPage,
  PromptAction,
  PromptEvaluationView,
  PromptFact,
  PromptPage,
  PromptStrings,
  PromptTokenView,
  ToPromptPage,
} from "../../../src/shared/promptView.ts";
import { visibleLine } from "../../../src/words/surfaces.ts";
import { fill } from "../../format.ts";
import { Button, Link } from "../../ui/controls.tsx";
import type { Answers } from "./answers.ts";
import { Trouble } from "./trouble.tsx";
import { type Kept, TryBox } from "./tryBox.tsx";
import "./prompt.css";

/** What is known of the prompt's tokens. */
export type Inspection = Extract<ToPromptPage, { type: "inspecting" | "inspected" | "not-inspected" }>;

export interface PromptViewProps {
  page: PromptPage;
  strings: PromptStrings;
  answers: Answers;
  evaluations: readonly PromptEvaluationView[];
  inspection: Inspection | undefined;
  kept: Kept;
  keep: (kept: Kept) => void;
  send: (message: FromPromptPage) => void;
}

export function PromptView(props: PromptViewProps): JSX.Element {
  const { page, strings, answers, evaluations, inspection, kept, keep, send } = props;
  return (
    <>
      <h1>{page.name}</h1>
      <p class="summary">{page.summary}</p>
      <Actions page={page} strings={strings} send={send} />
      <h2>{strings.tryTitle}</h2>
      <TryBox page={page} strings={strings} answers={answers} kept={kept} keep={keep} />
      <h2>{strings.size}</h2>
      <SizeBar size={page.size} strings={strings} />
      <p class="quiet">{page.size.text}</p>
      <div class="columns">
        <section>
          <h2>{strings.facts}</h2>
          <FactList facts={page.facts} />
        </section>
        <section>
          <h2>{strings.provenance}</h2>
          <FactList facts={page.provenance} />
        </section>
      </div>
      <h2>{strings.evaluations}</h2>
      <Evaluations evaluations={evaluations} strings={strings} send={send} />
      <h2>{strings.tokens}</h2>
      <Tokens inspection={inspection} strings={strings} send={send} />
    </>
  );
}

function Actions({ page, strings, send }: Pick<PromptViewProps, "page" | "strings" | "send">): JSX.Element {
  const { compareAnswers, openRun, reveal, copyPath, delete: remove, actions } = strings;
  const on = (label: string, action: PromptAction) => (
    <Button label={label} onClick={() => send({ type: "action", action })} />
  );
  return (
    // biome-ignore lint/a11y/useSemanticElements: no form
    <div class="actions" role="group" aria-label={actions}>
      {on(compareAnswers, "compareAnswers")}
      {page.hasRun && on(openRun, "openRun")}
      {on(reveal, "reveal")}
      {on(copyPath, "copyPath")}
      {on(remove, "delete")}
    </div>
  );
}

function Evaluations({
  evaluations,
  strings,
  send,
}: Pick<PromptViewProps, "evaluations" | "strings" | "send">): JSX.Element {
  if (evaluations.length === 0) return <p class="quiet">{strings.noEvaluations}</p>;
  const act = (name: string, action: EvaluationAction) => () => send({ type: "evaluation", name, action });
  return (
    <dl class="evaluations">
      {evaluations.map(({ name, on, text }) => [
        <dt key={`${name} is`}>{on}</dt>,
        <dd key={name}>
          <span>{text}</span>
          <Link label={strings.showAnswers} onClick={act(name, "showAnswers")} />
          <Link label={strings.delete} onClick={act(name, "delete")} />
        </dd>,
      ])}
    </dl>
  );
}

function Tokens({
  inspection,
  strings,
  send,
}: Pick<PromptViewProps, "inspection" | "strings" | "send">): JSX.Element | null {
  if (!inspection) return null;
  if (inspection.type === "inspected") return <TokenTable tokens={inspection.tokens} strings={strings} />;
  if (inspection.type === "inspecting") {
    return (
      <p class="quiet" role="status">
        {inspection.message}
      </p>
    );
  }
  const { message, hint, offer } = inspection;
  return (
    <Trouble message={message} hint={hint}>
      {offer && <Button label={offer.label} onClick={() => send({ type: "inspect", fetch: offer.fetch })} />}
    </Trouble>
  );
}

function TokenTable({ tokens, strings }: { tokens: readonly PromptTokenView[]; strings: PromptStrings }): JSX.Element {
  const largest = Math.max(...tokens.map(({ norm }) => norm), Number.MIN_VALUE);
  return (
    <section
      class="scroll"
      aria-label={strings.tokens}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            <th class="number" scope="col">
              {strings.token}
            </th>
            <th class="number" scope="col">
              {strings.norm}
            </th>
            <td class="bar-cell" aria-hidden="true" />
            <th class="number" scope="col">
              {strings.moved}
            </th>
            <th scope="col">{strings.nearest}</th>
          </tr>
        </thead>
        <tbody>
          {tokens.map((token, index) => (
            <TokenRow key={index} token={token} index={index} largest={largest} strings={strings} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function TokenRow({
  token: { norm, moved, nearest, was },
  index,
  largest,
  strings,
}: {
  token: PromptTokenView;
  index: number;
  largest: number;
  strings: PromptStrings;
}): JSX.Element {
  return (
    <tr>
      <td class="number">{String(index)}</td>
      <td class="number">{norm.toFixed(3)}</td>
      <td class="bar-cell" aria-hidden="true">
        <Bar kind="norm-bar" share={norm / largest} />
      </td>
      <td class="number">{moved === null ? "–" : moved.toFixed(3)}</td>
      <td class="words">
        {nearest.map(({ token, similarity }) => (
          <span key={token}>
            {`${visibleLine(token)} `}
            <span class="similarity">{similarity.toFixed(2)}</span>
          </span>
        ))}
        {was !== null && <span class="was">{fill(strings.was, [visibleLine(was)])}</span>}
      </td>
    </tr>
  );
}

function Bar({ kind, share }: { kind: string; share: number }): JSX.Element {
  return (
    <span class={kind}>
      <span style={{ width: `${Math.max(0, Math.min(1, share)) * 100}%` }} />
    </span>
  );
}

function SizeBar({
  size: { trained, full },
  strings,
}: {
  size: PromptPage["size"];
  strings: PromptStrings;
}): JSX.Element {
  return (
    <div role="img" aria-label={fill(strings.sizeOf, [`${((100 * trained) / full).toFixed(1)} %`])}>
      <Bar kind="size-bar" share={trained / full} />
    </div>
  );
}

function FactList({ facts }: { facts: readonly PromptFact[] }): JSX.Element {
  return <dl>{facts.map(({ name, value }) => [<dt key={`${name} is`}>{name}</dt>, <dd key={name}>{value}</dd>])}</dl>;
}
