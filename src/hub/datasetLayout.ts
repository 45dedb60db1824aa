/**
 * @file Which parquet files of a data set belong to which split of which configuration, told from their paths.
 *
 * What the README's front matter says (`configs:`, `data_files:`) is not read: it would take a YAML library. Where it names
 * files that the paths alone do not explain, the Hub's own conversion (refs/convert/parquet), which honours it, still has them.
 */
import { quoteList, suggest } from "../words/suggest.ts";
import type { RemoteFile } from "./api.ts";

export interface SplitFiles {
  /** In the order of their rows. */
  files: RemoteFile[];
  /** The Hub converted only the first rows of a large split. */
  partial: boolean;
}

/** Configuration → split → files. */
export type DatasetLayout = ReadonlyMap<string, ReadonlyMap<string, SplitFiles>>;

/** Of files that lie in no folder of a configuration. */
const defaultConfig = "default";

const splitLike = /^(train|valid|validation|val|dev|test|eval)/i;

export function isParquet({ path }: RemoteFile): boolean {
  return path.endsWith(".parquet");
}

/** Repositories write `train-00000-of-00002.parquet`, with a hash after it in older ones; the conversion `train/0000.parquet`. */
export function datasetLayout(files: readonly RemoteFile[]): DatasetLayout {
  const layout = new Map<string, Map<string, SplitFiles>>();
  const sorted = files.filter(isParquet).sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const file of sorted) {
    const place = placeOf(file.path);
    if (!place) continue;
    const splits = layout.get(place.config) ?? new Map<string, SplitFiles>();
    layout.set(place.config, splits);
    const split = splits.get(place.split);
    if (!split) splits.set(place.split, { files: [file], partial: place.partial });
    else if (split.partial === place.partial) split.files.push(file);
    else if (split.partial) splits.set(place.split, { files: [file], partial: false }); // the whole one counts
  }
  return layout;
}

interface Place {
  config: string;
  split: string;
  partial: boolean;
}

function placeOf(path: string): Place | undefined {
  const folders = path.split("/");
  const name = /^(\w+(?:\.\w+)*?)(?:-.*)?\.parquet$/.exec(folders.pop()!)?.[1];
  if (name === undefined) return undefined;
  const [first, second] = folders;
  const config = first === undefined || first === "data" ? defaultConfig : first;
  switch (folders.length) {
    case 0:
      return { config, split: name, partial: false };
    case 1:
      // train/0000.parquet: a folder for the split, not for a configuration
      if (first !== "data" && splitLike.test(first!) && !splitLike.test(name))
        return { config: defaultConfig, ...folderSplit(first!) };
      return { config, split: name, partial: false };
    case 2:
      return { config, ...folderSplit(second!) };
    default:
      return undefined;
  }
}

function folderSplit(folder: string): { split: string; partial: boolean } {
  const partial = folder.startsWith("partial-");
  return { split: partial ? folder.slice("partial-".length) : folder, partial };
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

/** The files of the wanted splits. Without a `config`: "default", or the only one there is. */
export function chooseSplits(
  layout: DatasetLayout,
  id: string,
  config: string | undefined,
  splits: readonly string[],
): ChosenSplits | LayoutProblem {
  const configs = [...layout.keys()];
  if (configs.length === 0) {
    return {
      message: `The data set ${id} has no parquet files whose split could be told from their names.`,
      expected: "files like train-00000-of-00001.parquet or train/0000.parquet",
      hint: "Take another revision, or download the rows yourself and use them as a file.",
    };
  }
  const name = config ?? (layout.has(defaultConfig) || configs.length > 1 ? defaultConfig : configs[0]!);
  const found = layout.get(name);
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
