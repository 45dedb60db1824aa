/**
 * @file What a data set's card, its README.md, says of its files: the `configs` of its front matter
 * (https://huggingface.co/docs/hub/datasets-manual-configuration).
 */
import { parse } from "yaml";
import { z } from "zod";

export interface CardConfig {
  name: string;
  /** It is meant where none is named. */
  isDefault: boolean;
  /** Folder that its files, or its patterns, are in; "" for the whole repository. */
  folder: string;
  /** Split → patterns of paths, from the folder on; undefined: the names of the files tell. */
  splits: ReadonlyMap<string, readonly string[]> | undefined;
}

/** A card of more bytes is not read. */
export const mostCardBytes = 2 ** 23;

/** As long as a path on the Hub may be. */
const path = z.string().max(1024);
const paths = z.union([path.transform((one) => [one]), z.array(path)]);
const dataFiles = z.union([
  paths.transform((all) => [{ split: "train", path: all }]),
  z.array(z.object({ split: z.string(), path: paths })),
  z.record(z.string(), paths).transform((splits) => Object.entries(splits).map(([split, path]) => ({ split, path }))),
]);
const configSchema = z.object({
  config_name: z.string().default("default"),
  default: z.boolean().default(false),
  data_dir: path.default(""),
  data_files: dataFiles.optional(),
});
const frontMatterSchema = z.object({ configs: z.array(z.unknown()).min(1) });

/** The configurations that a card names; none where it names none, or cannot be read. */
export function cardConfigs(card: string): CardConfig[] {
  const front = /^\ufeff?---\r?\n(.*?)\r?\n---(?:\r?\n|$)/s.exec(card)?.[1];
  if (front === undefined) return [];
  const parsed = frontMatterSchema.safeParse(yamlOf(front));
  if (!parsed.success) return [];
  return parsed.data.configs.flatMap((one) => {
    const config = configSchema.safeParse(one);
    return config.success ? configOf(config.data) : [];
  });
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { logLevel: "silent" });
  } catch {
    return undefined;
  }
}

function configOf({ config_name, data_dir, data_files, ...rest }: z.infer<typeof configSchema>): CardConfig {
  const splits = data_files && new Map<string, string[]>();
  for (const { split, path } of data_files ?? []) {
    splits!.set(split, [...(splits!.get(split) ?? []), ...path.map((one) => one.replace(/^\.\//, ""))]);
  }
  const folder = data_dir.replace(/^\.?\/+|\/+$/g, "");
  return { name: config_name, isDefault: rest.default, folder: folder === "." ? "" : folder, splits };
}
