/**
 * @file Which parquet files of a data set belong to which split of which configuration: as its card says or, where that says nothing,
 * as the names of files and folders tell, by the Hub's rules (https://huggingface.co/docs/hub/datasets-file-names-and-splits). Beyond
 * these, a folder that names no split is a configuration, and `data` none: the Hub would make one split of `en/train-…` and `de/train-…`.
 */
import { quoteList, suggest } from "../words/suggest.ts";
import type { RemoteFile } from "./api.ts";
import type { CardConfig } from "./datasetCard.ts";
import { globMatcher } from "./glob.ts";

export interface SplitFiles {
  /** In the order of their rows. */
  files: RemoteFile[];
  /** The Hub converted only the first rows of a large split. */
  partial: boolean;
}

export interface DatasetLayout {
  /** Configuration → split → files. */
  configs: ReadonlyMap<string, ReadonlyMap<string, SplitFiles>>;
  /** The configuration that is meant where none is named, if the card says it. */
  preferred: string | undefined;
}

/** Of files that lie in no folder of a configuration. */
const defaultConfig = "default";

/** What names a split, as a word between the characters below. */
const keywords: Readonly<Record<string, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};
const between = "[-._ 0-9]";
const splitPatterns = Object.entries(keywords).map(
  ([split, words]) => [split, new RegExp(`(?:^|${between})(?:${words.join("|")})(?=$|${between})`, "i")] as const,
);

/** `train-00000-of-00002.parquet`, with a hash after it in older repositories. */
const sharded = /^(\w+(?:\.\w+)*)-\d{5}-of-\d{5}(?:[-._].*)?$/;

export function isParquet({ path }: RemoteFile): boolean {
  return path.endsWith(".parquet");
}

/** @param configs what the card says; empty where it says nothing */
export function datasetLayout(files: readonly RemoteFile[], configs: readonly CardConfig[] = []): DatasetLayout {
  const sorted = files.filter(isParquet).sort((a, b) => (a.path < b.path ? -1 : 1));
  if (configs.length === 0) return { configs: namedLayout(sorted), preferred: undefined };
  const layout = new Map<string, ReadonlyMap<string, SplitFiles>>();
  for (const config of configs) {
    const splits = config.splits ? matchedSplits(sorted, config) : folderSplits(sorted, config);
    if (splits.size > 0) layout.set(config.name, splits);
  }
  return { configs: layout, preferred: configs.find(({ isDefault }) => isDefault)?.name };
}

/** Comparisons of paths with patterns: a card may have thousands of both, and none has as many. */
const mostComparisons = 50_000_000;

function matchedSplits(files: readonly RemoteFile[], { folder, splits }: CardConfig): Map<string, SplitFiles> {
  const found = new Map<string, SplitFiles>();
  for (const [split, patterns] of splits ?? []) {
    if (patterns.length * files.length > mostComparisons) continue;
    // In the order of the patterns, as the Hub reads them; a file that several of them match once.
    const matched = new Set(
      patterns.flatMap((pattern) => {
        const matches = globMatcher(folder === "" ? pattern : `${folder}/${pattern}`);
        return files.filter(({ path }) => matches(path));
      }),
    );
    if (matched.size > 0) found.set(split, { files: [...matched], partial: false });
  }
  return found;
}

/** The files of one configuration, whose card leaves it to their names which split they are of. */
function folderSplits(files: readonly RemoteFile[], { folder }: CardConfig): ReadonlyMap<string, SplitFiles> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const places = files.flatMap((file) => {
    if (!file.path.startsWith(prefix)) return [];
    const place = placeOf(file.path.slice(prefix.length));
    return place ? [{ file, place }] : [];
  });
  return splitsOf(places);
}

interface Placed {
  file: RemoteFile;
  place: Place;
}

function namedLayout(files: readonly RemoteFile[]): Map<string, ReadonlyMap<string, SplitFiles>> {
  const byConfig = new Map<string, Placed[]>();
  for (const file of files) {
    const place = placeOf(file.path);
    if (!place || place.folders.length > 1) continue;
    const [config = defaultConfig] = place.folders;
    const placed = byConfig.get(config) ?? [];
    byConfig.set(config, placed);
    placed.push({ file, place });
  }
  return new Map([...byConfig].map(([config, placed]) => [config, splitsOf(placed)]));
}

function splitsOf(placed: readonly Placed[]): Map<string, SplitFiles> {
  const splits = new Map<string, SplitFiles>();
  // Where no name tells a split, all files are training rows; where one does, the others are no rows.
  const isNamed = placed.some(({ place }) => place.split !== undefined);
  for (const { file, place } of placed) {
    const name = place.split ?? (isNamed ? undefined : "train");
    if (name === undefined) continue;
    const split = splits.get(name);
    if (!split) splits.set(name, { files: [file], partial: place.partial });
    else if (split.partial === place.partial) split.files.push(file);
    else if (split.partial) splits.set(name, { files: [file], partial: false }); // the whole one counts
  }
  return splits;
}

interface Place {
  /** Its folders but `data` and the one that names its split: a configuration. */
  folders: string[];
  /** undefined: no name tells. */
  split: string | undefined;
  partial: boolean;
}

/** undefined for what lies in a folder that is hidden, or is hidden itself. */
function placeOf(path: string): Place | undefined {
  const parts = path.split("/");
  if (parts.some((part) => part.startsWith(".") || part.startsWith("__"))) return undefined;
  const name = parts.pop()!.replace(/\.parquet$/, "");
  const folders = parts[0] === "data" ? parts.slice(1) : parts;
  // The Hub's conversion: config/split/0000.parquet. What lies in data/ is somebody's own.
  if (parts.length === 2 && parts[0] !== "data" && /^\d+$/.test(name)) {
    const partial = parts[1]!.startsWith("partial-");
    const split = partial ? parts[1]!.slice("partial-".length) : parts[1]!;
    return { folders: folders.slice(0, -1), split, partial };
  }
  const [, shard] = sharded.exec(name) ?? [];
  const byName = keywordOf(name);
  const folder = folders.findLastIndex((part) => keywordOf(part) !== undefined);
  const byFolder = folder < 0 ? undefined : keywordOf(folders[folder]!);
  // A configuration may be called like a split: then its files name their own.
  if (byFolder !== undefined && (byFolder === byName || byName === undefined || shard === undefined))
    return { folders: folders.toSpliced(folder, 1), split: byFolder, partial: false };
  return { folders, split: shard ?? byName, partial: false };
}

/** The split that a name has as one of its words; undefined where it has none, or those of two. */
function keywordOf(name: string): string | undefined {
  const found = splitPatterns.filter(([, pattern]) => pattern.test(name));
  return found.length === 1 ? found[0]![0] : undefined;
}

export interface ChosenSplits {
  config: string;
  splits: Map<string, SplitFiles>;
}

/** Why a layout does not have what is wanted: the parts of an error. */
export interface LayoutProblem {
  message: string;
  expected: string;
  hint: string;
}

/** The files of the wanted splits. Without a `config`: the one that the card prefers, "default", or the only one there is. */
export function chooseSplits(
  layout: DatasetLayout,
  id: string,
  config: string | undefined,
  splits: readonly string[],
): ChosenSplits | LayoutProblem {
  const configs = [...layout.configs.keys()];
  if (configs.length === 0) {
    return {
      message: `The data set ${id} has no parquet files whose split could be told from their names.`,
      expected: "files like train-00000-of-00001.parquet or train/0000.parquet",
      hint: "Take another revision, or download the rows yourself and use them as a file.",
    };
  }
  const only = configs.length === 1 ? configs[0]! : defaultConfig;
  const name = config ?? layout.preferred ?? (layout.configs.has(defaultConfig) ? defaultConfig : only);
  const found = layout.configs.get(name);
  if (!found) {
    const near = config === undefined ? undefined : suggest(config, configs);
    return {
      message:
        config === undefined
          ? `The data set ${id} has several configurations; one must be named.`
          : `The data set ${id} has no configuration ${JSON.stringify(config)}.`,
      expected: `one of ${quoteList(configs, "or", 40)}`,
      hint: near ? `Did you mean ${JSON.stringify(near)}?` : 'Name one of them as "config".',
    };
  }
  const chosen = new Map<string, SplitFiles>();
  for (const split of splits) {
    const files = found.get(split);
    if (!files) {
      const near = suggest(split, found.keys());
      return {
        message: `The data set ${id} (${name}) has no split ${JSON.stringify(split)}.`,
        expected: `one of ${quoteList([...found.keys()], "or", 40)}`,
        hint: near ? `Did you mean ${JSON.stringify(near)}?` : "Name one of them.",
      };
    }
    const shards = shardCount(files);
    if (shards && shards.there < shards.announced) {
      return {
        message: `Of the split ${JSON.stringify(split)} of ${id} (${name}), ${shards.there} of ${shards.announced} files are there.`,
        expected: `${shards.announced} files, as their names say`,
        hint: "Take another revision: an upload seems to have been cut short.",
      };
    }
    chosen.set(split, files);
  }
  return { config: name, splits: chosen };
}

/** How many files a split has and how many their names announce; undefined where the names do not say. */
export function shardCount({ files }: SplitFiles): { there: number; announced: number } | undefined {
  const numbers = new Set<number>();
  let announced: number | undefined;
  for (const { path } of files) {
    const match = /-(\d+)-of-(\d+)(?:-[^/]*)?\.parquet$/.exec(path);
    if (!match) return undefined;
    numbers.add(Number(match[1]));
    announced = Math.max(announced ?? 0, Number(match[2]));
  }
  return announced === undefined ? undefined : { there: numbers.size, announced };
}
