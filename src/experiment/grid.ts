/**
 * @file Settings of an experiment file that have several values: a list, of which each item is tried, or a range, of which values
 * are drawn. Every combination is a point; what a method has lists of in its own object makes several methods.
 */
import { Stream } from "../random/philox.ts";
import { isKnownPath, isWholeNumber, keysAt, type Path, sharedKeys, takesList } from "./jsonSchema.ts";
import { formatPath } from "./problems.ts";

/** One value out of several. */
export interface Choice {
  /** Where the list or the range stands. */
  path: Path;
  value: unknown;
  /** Its position in the list; undefined of a range. */
  item: number | undefined;
}

/** A method of a point: which of those in the file it is, and what was chosen in it. */
export interface PointMethod {
  /** Its position in the file's list; undefined where there is no list. */
  index: number | undefined;
  choices: readonly Choice[];
}

/** An experiment with one value for each setting. */
export interface Point {
  /** As it would stand in a file. */
  value: unknown;
  /** One of each list outside of the methods. */
  choices: readonly Choice[];
  /** What was drawn of the ranges, wherever they stand. */
  drawn: readonly Choice[];
  methods: readonly PointMethod[];
}

export interface GridProblem {
  message: string;
  path: Path;
}

const rangeKinds = ["log", "uniform", "choice"] as const;
type RangeKind = (typeof rangeKinds)[number];
const usualSamples = 16;

/** A list or a range, and where it stands. */
interface Axis {
  path: Path;
  /** Undefined of a range. */
  items: readonly Choice[] | undefined;
  range: { kind: RangeKind; bounds: unknown } | undefined;
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** All points of an experiment, made one after the other; counted before one is. */
export class Grid {
  readonly problems: readonly GridProblem[];
  /** Combinations of lists and samples, times methods: what an experiment has runs of for each rank and seed. */
  readonly count: number;
  /** The longest of the lists, or where the samples are counted. */
  readonly longest: Path;
  /** As it was given, which may be anything. */
  private readonly written: unknown;
  private readonly value: Json;
  private readonly lists: readonly Axis[];
  private readonly ranges: readonly Axis[];
  private readonly samples: number;
  private readonly seed: number;

  constructor(value: unknown, mostPoints: number) {
    this.written = value;
    this.value = isObject(value) ? value : {};
    const search = isObject(this.value.search) ? this.value.search : {};
    this.samples = wholeNumber(search.samples, 1) ?? usualSamples;
    this.seed = wholeNumber(search.seed, 0) ?? 0;
    const counted = countOf(this.value, []);
    const ofMethods = listOf(this.value.method).reduce<number>(
      (sum, method, index) => sum + countOf(method, this.pathOfMethod(index)),
      0,
    );
    const axes = counted * ofMethods > mostPoints ? [] : axesIn(this.value, []);
    this.lists = axes.filter(({ items }) => items);
    this.ranges = [
      ...axes.filter(({ range }) => range),
      ...listOf(this.value.method).flatMap((method, index) => rangesIn(method, this.pathOfMethod(index))),
    ];
    this.count = counted * ofMethods * (this.ranges.length > 0 ? this.samples : 1);
    this.longest =
      this.ranges.length > 0 && this.samples > counted ? ["search", "samples"] : longestList(this.value, []);
    this.problems = this.ranges.flatMap(rangeProblems);
  }

  private pathOfMethod(index: number): Path {
    return Array.isArray(this.value.method) ? ["method", index] : ["method"];
  }

  /** Samples in their order, and of each the lists in theirs, the last changing first. */
  *points(): Generator<Point, undefined> {
    const samples = this.ranges.length > 0 ? this.samples : 1;
    for (let sample = 0; sample < samples; sample++) {
      const drawn = this.ranges.map((axis) => draw(axis, this.seed, sample));
      for (const choices of combinations(this.lists.map(({ items }) => items!))) yield this.point(choices, drawn);
    }
  }

  /** The first point with each other value of each list in turn: so many are needed to find what is wrong with one of them. */
  *neighbours(): Generator<Point, undefined> {
    const drawn = this.ranges.map((axis) => draw(axis, this.seed, 0));
    const first = this.lists.map(({ items }) => items![0]!);
    yield this.point(first, drawn);
    for (const [axis, { items }] of this.lists.entries()) {
      for (const item of items!.slice(1)) yield this.point(first.with(axis, item), drawn);
    }
  }

  private point(choices: readonly Choice[], drawn: readonly Choice[]): Point {
    let value: unknown = this.written;
    for (const { path, value: chosen } of [...choices, ...drawn]) value = replaced(value, path, chosen);
    const written = isObject(value) ? listOf(value.method) : [undefined];
    const methods = written.flatMap((method, index) => {
      const path = this.pathOfMethod(index);
      const own = axesIn(method, path).flatMap(({ items }) => (items ? [items] : []));
      return [...combinations(own)].map((chosen) => ({
        method: chosen.reduce((object, one) => replaced(object, one.path.slice(path.length), one.value), method),
        origin: { index: Array.isArray(this.value.method) ? index : undefined, choices: chosen },
      }));
    });
    const hasOwn = methods.some(({ origin }) => origin.choices.length > 0);
    return {
      value: hasOwn
        ? replaced(
            value,
            ["method"],
            methods.map(({ method }) => method),
          )
        : value,
      choices,
      drawn,
      methods: methods.map(({ origin }) => origin),
    };
  }
}

/** Where the setting at `path` of a point's value stands in the file. */
export function writtenPath(path: Path, { choices, drawn, methods }: Point): Path {
  const [root, index, ...rest] = path;
  if (root === "method" && methods.some((method) => method.choices.length > 0) && typeof index === "number") {
    const method = methods[index];
    const own = ["method", ...(method?.index === undefined ? [] : [method.index]), ...rest];
    return throughChoices(own, method?.choices ?? []);
  }
  return throughChoices(path, [...choices, ...drawn]);
}

function throughChoices(path: Path, choices: readonly Choice[]): Path {
  const choice = choices.find((one) => one.path.every((segment, i) => path[i] === segment));
  if (choice?.item === undefined) return path;
  return [...choice.path, choice.item, ...path.slice(choice.path.length)];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function wholeNumber(value: unknown, least: number): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= least ? (value as number) : undefined;
}

/** Whether the list `value` at `path` has a value of the setting in each item. */
function isListOfValues(value: readonly unknown[], path: Path): boolean {
  if (value.length === 0 || !isKnownPath(path)) return false;
  return !takesList(path) || (value.every(Array.isArray) && !takesList([...path, 0]));
}

function rangeIn(value: unknown, path: Path): Axis["range"] {
  if (!isObject(value) || Object.keys(value).length !== 1 || !isKnownPath(path)) return undefined;
  const kind = rangeKinds.find((key) => Object.hasOwn(value, key));
  return kind && !keysAt(path).includes(kind) ? { kind, bounds: value[kind] } : undefined;
}

/** The lists and ranges in a value, those of methods left out. */
function axesIn(value: unknown, path: Path): Axis[] {
  const range = path.length > 0 ? rangeIn(value, path) : undefined;
  if (range) return [{ path, items: undefined, range }];
  if (Array.isArray(value)) {
    if (!isListOfValues(value, path)) return [];
    const items = value.flatMap((item, index) =>
      alternatives(item, path).map((one): Choice => ({ path, value: one, item: index })),
    );
    return [{ path, items, range: undefined }];
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    path.length === 0 && sharedKeys.has(key) ? [] : axesIn(inner, [...path, key]),
  );
}

/** The ranges in a method; its lists make several of it. */
function rangesIn(method: unknown, path: Path): Axis[] {
  return axesIn(method, path).filter(({ range }) => range);
}

/** The values that an item of a list stands for, which can have lists in it. */
function alternatives(item: unknown, path: Path): unknown[] {
  if (!isObject(item)) return [item];
  const inner = Object.entries(item).flatMap(([key, value]) => axesIn(value, [...path, key]));
  const lists = inner.flatMap(({ items }) => (items ? [items] : []));
  return [...combinations(lists)].map((choices) =>
    choices.reduce<unknown>((object, one) => replaced(object, one.path.slice(path.length), one.value), item),
  );
}

/** How many combinations of lists a value has, those of methods left out, without making one. */
function countOf(value: unknown, path: Path): number {
  if (Array.isArray(value)) {
    if (!isListOfValues(value, path)) return 1;
    return value.reduce<number>((sum, item) => sum + (Array.isArray(item) ? 1 : countOf(item, path)), 0);
  }
  if (!isObject(value)) return 1;
  return Object.entries(value).reduce(
    (product, [key, inner]) =>
      path.length === 0 && sharedKeys.has(key) ? product : product * countOf(inner, [...path, key]),
    1,
  );
}

function longestList(value: unknown, path: Path): Path {
  let found: { path: Path; length: number } = { path: [], length: 0 };
  const look = (inner: unknown, at: Path) => {
    if (Array.isArray(inner) && isListOfValues(inner, at) && inner.length > found.length) {
      found = { path: at, length: inner.length };
    } else if (isObject(inner)) for (const [key, one] of Object.entries(inner)) look(one, [...at, key]);
  };
  look(value, path);
  return found.path;
}

/** A copy of `value` with `chosen` at `path`, which is there. */
function replaced(value: unknown, [key, ...rest]: Path, chosen: unknown): unknown {
  if (key === undefined) return chosen;
  if (Array.isArray(value)) return value.with(key as number, replaced(value[key as number], rest, chosen));
  const object = value as Json;
  return { ...object, [key]: replaced(object[key], rest, chosen) };
}

/** Every choice of one item of each list, the last list's items changing first. */
export function* combinations<T>(lists: readonly (readonly T[])[]): Generator<T[], undefined> {
  const [first, ...rest] = lists;
  if (!first) {
    yield [];
    return;
  }
  for (const item of first) for (const others of combinations(rest)) yield [item, ...others];
}

function rangeProblems({ path, range }: Axis): GridProblem[] {
  const { kind, bounds } = range!;
  const problem = (message: string): GridProblem[] => [{ message, path: [...path, kind] }];
  if (kind === "choice") return Array.isArray(bounds) && bounds.length > 0 ? [] : problem("must be a list of values");
  const [low, high] = Array.isArray(bounds) ? (bounds as unknown[]) : [];
  const isPair = Array.isArray(bounds) && bounds.length === 2 && typeof low === "number" && typeof high === "number";
  if (!isPair || !(low < high)) return problem("must be a list of two numbers, the lower first");
  if (kind === "log" && !(low > 0)) return problem("must begin above 0, since its logarithm is uniform");
  const isWhole = Number.isInteger(low) && Number.isInteger(high);
  return isWholeNumber(path) && !isWhole ? problem("must be a list of two whole numbers, as the setting is one") : [];
}

/** Enough to tell samples apart, and short in a name. */
const digits = 4;

/** The value of a range in a sample: it depends on the seed, the setting and the sample alone, not on other ranges. */
function draw({ path, range }: Axis, seed: number, sample: number): Choice {
  const { kind, bounds } = range!;
  const stream = new Stream(seed, `search/${formatPath(path)}/${sample}`);
  if (kind === "choice") {
    const values = bounds as readonly unknown[];
    return { path, value: values[stream.below(values.length)], item: undefined };
  }
  const [low, high] = bounds as [number, number];
  const isWhole = isWholeNumber(path);
  // Of whole numbers each has its share of the line, also the first and the last.
  const [from, to] = isWhole ? [low - 0.5, high + 0.5] : [low, high];
  const part = stream.uniform();
  const value = kind === "log" ? from * (to / from) ** part : from + (to - from) * part;
  const rounded = isWhole ? Math.round(value) : Number(value.toPrecision(digits));
  return { path, value: Math.min(high, Math.max(low, rounded)), item: undefined };
}
