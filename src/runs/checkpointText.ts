/**
 * @file A checkpoint as a text that a person can read and a diff editor can compare: the same inspection always gives the same
 * text, one fact a line in a fixed order, numbers with fixed digits so that noise does not show. No dates, no paths.
 */
import { scoreText } from "../metrics/kinds.ts";
import { visibleLine } from "../words/surfaces.ts";
import { comparePrompts, settle, tokenNumber } from "./checkpointChange.ts";
import type { EvaluationRecord } from "./evaluations.ts";
import type { InspectedToken, Inspection, NearestToken, VectorSummary } from "./inspection.ts";

export interface TextOptions {
  /** Digits after the point; similarities have two less. */
  precision?: number;
  /** Further lines of the header, such as what `changeSummary` says. */
  notes?: readonly string[];
  /** The tokens in another order than their own, as by how far they moved. */
  order?: readonly number[] | undefined;
  /** What somebody had the checkpoint evaluated on. */
  evaluations?: readonly EvaluationRecord[];
}

/** What a line is about. */
export type LineKey =
  | "title"
  | `metric/${string}`
  | `fact/${string}`
  | `start/${"distance" | "cosine" | "nearest"}`
  | `token/${number}/${"norm" | "nearest" | "z" | "moved"}`
  | `vector/${string}/${"summary" | "range" | "top"}`;

export interface TextSection {
  /** `metrics`, `prompt`, `since the start`, `token 007`, and names of vectors like `scale` */
  title: string;
  /** Counted from 0; the last line is not blank. */
  firstLine: number;
  lastLine: number;
}

export interface CheckpointLayout {
  text: string;
  /** Where each fact is, lines counted from 0. */
  lines: ReadonlyMap<LineKey, number>;
  sections: readonly TextSection[];
}

export const defaultPrecision = 4;
export function checkpointText(inspection: Inspection, options: TextOptions = {}): string {
  return layoutCheckpoint(inspection, options).text;
}

/** The text, and where its facts are. */
export function layoutCheckpoint(inspection: Inspection, options: TextOptions = {}): CheckpointLayout {
  const numbers = new Numbers(options.precision ?? defaultPrecision);
  const page = new Page();
  const { tokens, vectors } = inspection;
  page.line("title", `# ${title(inspection)}`);
  page.line(undefined, `# ${describe(inspection)}`);
  for (const note of options.notes ?? []) page.line(undefined, `# ${visibleLine(note)}`);
  addMetrics(page, inspection, numbers);
  addFacts(page, inspection);
  addStart(page, inspection, numbers);
  for (const index of options.order ?? tokens.keys()) addToken(page, index, tokens[index]!, tokens.length, numbers);
  for (const [name, vector] of Object.entries(vectors)) addVector(page, name, vector, numbers);
  addEvaluations(page, options.evaluations ?? []);
  return page.layout();
}

function title({ prompt, imported, experiment, run, step }: Inspection): string {
  const kind = prompt === null ? "Checkpoint" : `Prompt ${visibleLine(prompt)}, from`;
  if (imported) return `${kind} ${visibleLine(imported.kind)} ${visibleLine(imported.from)}`;
  return `${kind} ${visibleLine(experiment)} / ${visibleLine(run)} / step ${step}`;
}

/** `20 tokens of rank 2 for draft: 296 trained numbers instead of 2560` */
function describe({ promptLength, hiddenSize, rank, parameters, model }: Inspection): string {
  const all = promptLength * hiddenSize;
  const tokens = `${promptLength} ${promptLength === 1 ? "token" : "tokens"}${rank === null ? "" : ` of rank ${rank}`}`;
  const instead = parameters === all ? "" : ` instead of ${all}`;
  return `${tokens} for ${visibleLine(model.source)}: ${parameters} trained numbers${instead}`;
}

function addMetrics(page: Page, { metrics, imported }: Inspection, numbers: Numbers): void {
  const names = Object.keys(metrics).sort();
  if (imported && names.length === 0) return;
  page.section("metrics");
  if (names.length === 0) page.line(undefined, "none: not evaluated at this step");
  const width = Math.max(...names.map((name) => visibleLine(name).length));
  for (const name of names) page.fact(`metric/${name}`, visibleLine(name).padEnd(width), numbers.plain(metrics[name]!));
}

function addFacts(page: Page, inspection: Inspection): void {
  const { method, rank, promptLength, promptPosition, hiddenSize, parameters, bytes, checked, model, frozen } =
    inspection;
  const facts: [name: string, value: string][] = [
    ["method", visibleLine(method)],
    ...(rank === null ? [] : [["rank", String(rank)] as [string, string]]),
    ["tokens", `${promptLength}${promptPosition === "after-bos" ? ", behind the begin-of-sequence token" : ""}`],
    ["hidden size", String(hiddenSize)],
    ["trained", `${parameters} numbers`],
    ["file", `${bytes} bytes${checked ? "" : ", by an older version: without a hash, not checked for damage"}`],
    ["model", visibleLine(model.source)],
    ["model sha256", visibleLine(short(model.sha256))],
  ];
  for (const { name, distribution, seed, generator, sha256 } of frozen) {
    facts.push([visibleLine(name), visibleLine(`${distribution}, seed ${seed}, ${generator}`)]);
    facts.push([visibleLine(`${name} sha256`), visibleLine(short(sha256))]);
  }
  page.section("prompt");
  const width = Math.max(...facts.map(([name]) => name.length));
  for (const [name, value] of facts) page.fact(`fact/${name}`, name.padEnd(width), value);
}

function addStart(page: Page, { sinceStart, tokens }: Inspection, numbers: Numbers): void {
  if (!sinceStart) return;
  const { meanDistance, largestDistance, farthest, meanCosine, nearestChanged } = sinceStart;
  page.section("since the start");
  const which = largestDistance > 0 ? ` (token ${tokenNumber(farthest, tokens.length)})` : "";
  const distances = `mean ${numbers.plain(meanDistance)}  largest ${numbers.plain(largestDistance)}${which}`;
  page.fact("start/distance", "distance", distances);
  page.fact("start/cosine", "cosine  ", meanCosine === null ? "–" : `mean ${numbers.similarity(meanCosine)}`);
  page.fact("start/nearest", "nearest ", `changed for ${nearestChanged} of ${tokens.length} tokens`);
}

function addToken(page: Page, index: number, token: InspectedToken, count: number, numbers: Numbers): void {
  const { norm, nearest, coordinates, moved } = token;
  page.section(`token ${tokenNumber(index, count)}`);
  page.fact(`token/${index}/norm`, "norm   ", numbers.plain(norm));
  const word = ({ token: text, similarity }: NearestToken) => `${visibleLine(text)} ${numbers.similarity(similarity)}`;
  page.fact(`token/${index}/nearest`, "nearest", nearest.map(word).join("  ") || "–");
  if (coordinates?.kind === "all") {
    page.fact(`token/${index}/z`, "z      ", coordinates.values.map((value) => numbers.signed(value)).join(" "));
  } else if (coordinates) {
    const largest = coordinates.values.map(({ index: axis, value }) => `z${axis} ${numbers.signed(value)}`).join("  ");
    page.fact(`token/${index}/z`, "z      ", `norm ${numbers.plain(coordinates.norm)}  largest ${largest}`);
  }
  if (!moved) return;
  const cosine = moved.cosine === null ? "" : `  cosine ${numbers.similarity(moved.cosine)}`;
  const before = moved.nearestBefore ? visibleLine(moved.nearestBefore.token) : "–";
  const was = moved.nearestChanged ? `  nearest was ${before}` : "";
  page.fact(`token/${index}/moved`, "moved  ", `${numbers.plain(moved.distance)}${cosine}${was}`);
}

function addVector(page: Page, name: string, vector: VectorSummary, numbers: Numbers): void {
  const number = (value: number) => (name === "scale" ? numbers.plain(value) : numbers.signed(value));
  page.section(name);
  page.fact(`vector/${name}/summary`, "values", `mean ${number(vector.mean)}  sd ${numbers.plain(vector.deviation)}`);
  page.fact(`vector/${name}/range`, "range ", `${number(vector.minimum)} to ${number(vector.maximum)}`);
  const top = vector.top.map(({ index, value }) => `d${index} ${number(value)}`);
  page.fact(`vector/${name}/top`, "top   ", top.join("  "));
}

function addEvaluations(page: Page, evaluations: readonly EvaluationRecord[]): void {
  if (evaluations.length === 0) return;
  page.section("evaluations");
  const names = evaluations.map(({ on }) => visibleLine(on.file ?? on.rows));
  const width = Math.max(...names.map((name) => name.length));
  for (const [index, { metric, score, interval, count }] of evaluations.entries()) {
    const [value, low, high] = [score, ...interval].map((one) => scoreText(metric, one));
    const told = `${visibleLine(metric)} ${value}  95 % interval ${low} to ${high}  ${count} rows`;
    page.line(undefined, `${names[index]!.padEnd(width)}  ${told}`);
  }
}

function short(sha256: string): string {
  return sha256.slice(0, 12);
}

/** Numbers with fixed digits after the point. */
class Numbers {
  private readonly digits: number;

  constructor(digits: number) {
    this.digits = Math.min(12, Math.max(1, Math.round(digits)));
  }

  plain(value: number): string {
    return unsignedZero(value.toFixed(this.digits));
  }

  signed(value: number): string {
    const text = this.plain(value);
    return text.startsWith("-") ? text : `+${text}`;
  }

  /** A cosine: finer digits of it say nothing. */
  similarity(value: number): string {
    return unsignedZero(value.toFixed(Math.max(1, this.digits - 2)));
  }
}

/** `-0.0000` is noise. */
function unsignedZero(text: string): string {
  return /^-[0.]+$/.test(text) ? text.slice(1) : text;
}

class Page {
  private readonly text: string[] = [];
  private readonly keys = new Map<LineKey, number>();
  private readonly sections: TextSection[] = [];

  line(key: LineKey | undefined, text: string): void {
    if (key) this.keys.set(key, this.text.length);
    this.text.push(text);
    const section = this.sections.at(-1);
    if (section) section.lastLine = this.text.length - 1;
  }

  fact(key: LineKey, name: string, value: string): void {
    this.line(key, `${name}  ${value}`);
  }

  section(title: string): void {
    this.text.push("");
    this.sections.push({ title, firstLine: this.text.length, lastLine: this.text.length });
    this.line(undefined, `[${title}]`);
  }

  layout(): CheckpointLayout {
    return { text: `${this.text.join("\n")}\n`, lines: this.keys, sections: this.sections };
  }
}

/** A change to be shown at the end of a line of `after`'s text. */
export interface InlineDelta {
  key: LineKey;
  /** Line in `after`'s text, counted from 0. */
  line: number;
  /** `▼ 0.0123`, `moved 0.3412`, `was ▁good` */
  text: string;
}

/** The changes since `before` of metrics, norms, positions and nearest words; those that are too small to matter are left out. */
export function inlineDeltas(
  before: Inspection,
  after: Inspection,
  { precision = defaultPrecision, ...layout }: Omit<TextOptions, "evaluations"> = {},
): InlineDelta[] {
  const numbers = new Numbers(precision);
  const { lines } = layoutCheckpoint(after, { precision, ...layout });
  const settled = settle(before, after);
  const found: InlineDelta[] = [];
  const add = (key: LineKey, text: string | undefined) => {
    const line = lines.get(key);
    if (line !== undefined && text) found.push({ key, line, text });
  };
  const difference = (from: number, to: number): string | undefined => {
    const size = numbers.plain(Math.abs(to - from));
    return Number(size) === 0 ? undefined : `${to > from ? "▲" : "▼"} ${size}`;
  };
  for (const [name, value] of Object.entries(settled.metrics)) {
    const old = before.metrics[name];
    if (old !== undefined) add(`metric/${name}`, difference(old, value));
  }
  const change = comparePrompts(before, after);
  if (typeof change !== "string") {
    for (const [index, token] of settled.tokens.entries()) {
      const old = before.tokens[index]!;
      add(`token/${index}/norm`, difference(old.norm, token.norm));
      if (change.nearestChanged.includes(index)) {
        add(`token/${index}/nearest`, `was ${visibleLine(old.nearest[0]?.token ?? "–")}`);
      }
      if (change.moved.includes(index)) {
        add(`token/${index}/${token.coordinates ? "z" : "moved"}`, `moved ${numbers.plain(change.distances[index]!)}`);
      }
    }
  }
  return found.sort((a, b) => a.line - b.line);
}
