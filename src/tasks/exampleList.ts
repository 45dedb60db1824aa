/** @file The examples of a split, kept as bytes: there may be millions, and most are looked at a few at a time. */
import { type Indexed, PackedNumbers, PackedTexts } from "../formats/packed.ts";

/** What an example is judged by. */
export interface Answer {
  target: string;
  /** What else an answer is judged by; only where the task has `references`. */
  references?: readonly string[];
  /** The same for examples that are not independent of each other; only where the task has `cluster`. A whole number. */
  cluster?: number;
  /** Line, or row, of the data file it comes from, counted from 1. */
  line: number;
}

export interface Example extends Answer {
  source: string;
}

/** So many different targets are kept once each, as a task with labels has them; further ones with their examples. */
const mostShared = 1024;

/** After so many examples their sources are let go. */
const rowsPerRelease = 1000;

/** Collects answers in the order in which they come. */
class AnswerTable {
  private readonly texts = new PackedTexts();
  private readonly shared: string[] = [];
  private readonly indices = new Map<string, number>();
  /** Index in `shared` or, from `mostShared` on, in `texts`. */
  private readonly targets = new PackedNumbers();
  private readonly lines = new PackedNumbers();
  private clusters: PackedNumbers | undefined;
  private references: { texts: PackedTexts; ends: PackedNumbers } | undefined;

  get length(): number {
    return this.lines.length;
  }

  push({ target, line, cluster, references }: Answer): void {
    this.targets.push(this.indexOf(target));
    this.lines.push(line);
    if (cluster !== undefined) {
      this.clusters ??= new PackedNumbers(Float64Array);
      this.clusters.push(cluster);
    }
    if (!references) return;
    this.references ??= { texts: new PackedTexts(), ends: new PackedNumbers() };
    for (const text of references) this.references.texts.push(text);
    this.references.ends.push(this.references.texts.length);
  }

  target(row: number): string {
    const index = this.targets.get(row);
    return index < mostShared ? this.shared[index]! : this.texts.get(index - mostShared);
  }

  get(row: number): Answer {
    const answer: Answer = { target: this.target(row), line: this.lines.get(row) };
    if (this.clusters) answer.cluster = this.clusters.get(row);
    if (!this.references) return answer;
    const { texts, ends } = this.references;
    const begin = row === 0 ? 0 : ends.get(row - 1);
    const references = Array.from({ length: ends.get(row) - begin }, (_, i) => texts.get(begin + i));
    return { ...answer, references };
  }

  /** Writes targets in another way, as far as they are few. */
  rewrite(change: (target: string) => string): void {
    for (const [index, target] of this.shared.entries()) this.shared[index] = change(target);
  }

  private indexOf(target: string): number {
    const known = this.indices.get(target);
    if (known !== undefined) return known;
    if (this.shared.length === mostShared) return mostShared + this.texts.push(target);
    // A text of its own: one that was cut out of a file's keeps the whole of it in memory.
    const own = Buffer.from(target).toString();
    this.indices.set(own, this.shared.length);
    return this.shared.push(own) - 1;
  }
}

/** Some of the answers of a table, in an order of their own. */
class AnswerList implements Indexed<Answer> {
  private readonly table: AnswerTable;
  private readonly order: Uint32Array | undefined;

  constructor(table: AnswerTable, order: Uint32Array | undefined) {
    this.table = table;
    this.order = order;
  }

  get length(): number {
    return this.order?.length ?? this.table.length;
  }

  at(index: number): Answer | undefined {
    return index >= 0 && index < this.length ? this.table.get(this.order?.[index] ?? index) : undefined;
  }

  *[Symbol.iterator](): Generator<Answer> {
    for (let index = 0; index < this.length; index++) yield this.at(index)!;
  }
}

/** Examples in the order of their split. */
export class ExampleList implements Indexed<Example> {
  private readonly sources: PackedTexts;
  private readonly table: AnswerTable;
  /** Which rows of the tables they are; undefined: all, in their order. */
  private readonly order: Uint32Array | undefined;

  private constructor(sources: PackedTexts, table: AnswerTable, order: Uint32Array | undefined) {
    this.sources = sources;
    this.table = table;
    this.order = order;
  }

  static empty(): ExampleList {
    return new ExampleList(new PackedTexts(), new AnswerTable(), undefined);
  }

  /** Only to a list of all rows. */
  push(example: Example): void {
    this.sources.push(example.source);
    this.table.push(example);
  }

  get length(): number {
    return this.order?.length ?? this.table.length;
  }

  at(index: number): Example | undefined {
    if (index < 0 || index >= this.length) return undefined;
    const row = this.order?.[index] ?? index;
    return { source: this.sources.get(row), ...this.table.get(row) };
  }

  *[Symbol.iterator](): Generator<Example> {
    for (let index = 0; index < this.length; index++) yield this.at(index)!;
  }

  /** All of them once, for who makes something else of them: where they are in the order of their rows, a source is let go soon after. */
  *drain(): Generator<Example> {
    const { order, sources } = this;
    const isSorted = order?.every((row, index) => index === 0 || order[index - 1]! < row) ?? true;
    for (let index = 0; index < this.length; index++) {
      yield this.at(index)!;
      if (isSorted && index % rowsPerRelease === 0) sources.letGo(order?.[index] ?? index);
    }
  }

  /** The same examples, kept apart from those that they were selected from. */
  copy(): ExampleList {
    const list = ExampleList.empty();
    for (const example of this) list.push(example);
    return list;
  }

  /** Those at some indices, in that order; nothing is copied. */
  select(indices: Uint32Array): ExampleList {
    const { order } = this;
    return new ExampleList(this.sources, this.table, order ? indices.map((index) => order[index]!) : indices);
  }

  *targets(): Generator<string> {
    for (let index = 0; index < this.length; index++) yield this.table.target(this.order?.[index] ?? index);
  }

  /** What is left of them when nobody reads their sources any more; it does not keep these in memory. */
  answers(): Indexed<Answer> {
    return new AnswerList(this.table, this.order);
  }

  /** Writes targets in another way, in all lists of the same rows, as far as they are few. */
  rewriteTargets(change: (target: string) => string): void {
    this.table.rewrite(change);
  }
}
