import { describe, expect, it } from "vitest";
import { cardConfigs } from "./datasetCard.ts";
import { chooseSplits, type DatasetLayout, datasetLayout } from "./datasetLayout.ts";

function layoutOf(...paths: string[]) {
  return datasetLayout(paths.map((path) => ({ path, size: 1, etag: "" })));
}

/** `config/split` → paths, with a star where the split is partial. */
function shapeOf(...paths: string[]): Record<string, string[]> {
  return shapeOfLayout(layoutOf(...paths));
}

function shapeOfLayout({ configs }: DatasetLayout): Record<string, string[]> {
  const shape: Record<string, string[]> = {};
  for (const [config, splits] of configs) {
    for (const [split, { files, partial }] of splits)
      shape[`${config}/${split}${partial ? "*" : ""}`] = files.map(({ path }) => path);
  }
  return shape;
}

describe("datasetLayout", () => {
  it("reads shards in order, in data/ or at the top, as the default configuration", () => {
    expect(shapeOf("data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet", "README.md")).toEqual({
      "default/train": ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
    });
    expect(shapeOf("train.parquet", "validation_matched-00000-of-00001-0a1b2c3d.parquet")).toEqual({
      "default/train": ["train.parquet"],
      "default/validation_matched": ["validation_matched-00000-of-00001-0a1b2c3d.parquet"],
    });
  });

  it("reads a folder as a configuration, and one named like a split as that split", () => {
    expect(shapeOf("cola/train-00000-of-00001.parquet", "sst2/train-00000-of-00001.parquet", "de/x.parquet")).toEqual({
      "cola/train": ["cola/train-00000-of-00001.parquet"],
      "sst2/train": ["sst2/train-00000-of-00001.parquet"],
      "de/train": ["de/x.parquet"],
    });
    expect(shapeOf("train/0000.parquet", "test/part-1.parquet")).toEqual({
      "default/train": ["train/0000.parquet"],
      "default/test": ["test/part-1.parquet"],
    });
  });

  it("reads configurations inside of data/, and keeps their splits apart", () => {
    const of = (config: string, split: string) => `data/${config}/${split}-00000-of-00001.parquet`;
    expect(shapeOf(of("en", "train"), of("en", "test"), of("de", "train"), "data/fr/dev.parquet")).toEqual({
      "de/train": [of("de", "train")],
      "en/test": [of("en", "test")],
      "en/train": [of("en", "train")],
      "fr/validation": ["data/fr/dev.parquet"],
    });
    // A number alone is how the Hub's conversion calls its files, which are never in data/.
    expect(shapeOf("data/en/0000.parquet", "data/de/0000.parquet", "data/test/0000.parquet")).toEqual({
      "de/train": ["data/de/0000.parquet"],
      "default/test": ["data/test/0000.parquet"],
      "en/train": ["data/en/0000.parquet"],
    });
  });

  it("finds a split's name as a word of a file's name, in all its forms", () => {
    expect(
      shapeOf("my_train_file.parquet", "valid-1.parquet", "dev2.parquet", "evaluation.parquet", "pretraining.parquet"),
    ).toEqual({
      "default/train": ["my_train_file.parquet"],
      "default/validation": ["dev2.parquet", "valid-1.parquet"],
      "default/test": ["evaluation.parquet"],
    });
  });

  it("finds it in a folder's name before a file's, unless the file is a shard of another", () => {
    expect(shapeOf("training/a.parquet", "my-test-set/train.parquet")).toEqual({
      "default/test": ["my-test-set/train.parquet"],
      "default/train": ["training/a.parquet"],
    });
    expect(shapeOf("test/train-00000-of-00001.parquet", "test/test-00000-of-00001.parquet")).toEqual({
      "default/test": ["test/test-00000-of-00001.parquet"],
      "test/train": ["test/train-00000-of-00001.parquet"],
    });
    expect(shapeOf("en/train/data-00000-of-00001.parquet")).toEqual({
      "en/train": ["en/train/data-00000-of-00001.parquet"],
    });
  });

  it("takes all files for training rows where no name tells, and no file for those of two splits", () => {
    expect(shapeOf("b.parquet", "a.parquet")).toEqual({ "default/train": ["a.parquet", "b.parquet"] });
    expect(shapeOf("train.parquet", "test.parquet", "train-and-test.parquet", "other.parquet")).toEqual({
      "default/train": ["train.parquet"],
      "default/test": ["test.parquet"],
    });
  });

  it("passes over what is hidden", () => {
    expect(shapeOf(".cache/train.parquet", "__old/train.parquet", "train.parquet")).toEqual({
      "default/train": ["train.parquet"],
    });
  });

  it("reads the Hub's conversion, and prefers a whole split to its first part", () => {
    expect(shapeOf("default/train/0001.parquet", "default/train/0000.parquet", "b/partial-train/0000.parquet")).toEqual(
      {
        "default/train": ["default/train/0000.parquet", "default/train/0001.parquet"],
        "b/train*": ["b/partial-train/0000.parquet"],
      },
    );
    expect(shapeOf("a/partial-train/0000.parquet", "a/train/0000.parquet", "a/train/0001.parquet")).toEqual({
      "a/train": ["a/train/0000.parquet", "a/train/0001.parquet"],
    });
  });

  it("passes over what is no parquet or lies too deep", () => {
    expect(shapeOf("train.csv", "a/b/c/train.parquet", ".parquet")).toEqual({});
  });
});

describe("a data set's card", () => {
  const card = (yaml: string) => cardConfigs(`---\n${yaml}\n---\n# A data set\n`);
  const shapeBy = (yaml: string, ...paths: string[]) =>
    shapeOfLayout(
      datasetLayout(
        paths.map((path) => ({ path, size: 1, etag: "" })),
        card(yaml),
      ),
    );

  it("says which files are of which split of which configuration, by paths and patterns", () => {
    const yaml = `configs:
- config_name: main
  default: true
  data_files:
  - split: train
    path: ["parts/b.parquet", "parts/a-*.parquet"]
  - split: held_out
    path: "extra/**"
- config_name: small
  data_files: "small.parquet"
- config_name: split-map
  data_files: { train: small.parquet, test: ["parts/a-[0-9].parquet"] }
- config_name: text
  data_files: "rows.csv"`;
    const files = ["parts/a-1.parquet", "parts/a-x.parquet", "parts/b.parquet", "extra/x/y.parquet", "small.parquet"];
    expect(shapeBy(yaml, ...files, "parts/unused.parquet", "rows.csv")).toEqual({
      "main/train": ["parts/b.parquet", "parts/a-1.parquet", "parts/a-x.parquet"],
      "main/held_out": ["extra/x/y.parquet"],
      "small/train": ["small.parquet"],
      "split-map/train": ["small.parquet"],
      "split-map/test": ["parts/a-1.parquet"],
    });
    const layout = datasetLayout(
      files.map((path) => ({ path, size: 1, etag: "" })),
      card(yaml),
    );
    expect(chooseSplits(layout, "x", undefined, ["held_out"])).toMatchObject({ config: "main" });
  });

  it("leaves the splits of a folder to the names in it, and its patterns begin there", () => {
    const yaml = `configs:
- config_name: en
  data_dir: ./texts/en/
- config_name: de
  data_dir: texts/de
  data_files: "*.parquet"`;
    const files = ["texts/en/train.parquet", "texts/en/a/test.parquet", "texts/de/0.parquet", "texts/fr/train.parquet"];
    expect(shapeBy(yaml, ...files)).toEqual({
      "en/test": ["texts/en/a/test.parquet"],
      "en/train": ["texts/en/train.parquet"],
      "de/train": ["texts/de/0.parquet"],
    });
  });

  it.each([
    ["no front matter", "# A data set\nconfigs:\n- config_name: x\n"],
    ["no configurations", "---\nlicense: mit\n---\n"],
    ["what is no YAML", "---\nconfigs: [\n---\n"],
    ["configurations of another form", "---\nconfigs: none\n---\n"],
    [
      "aliases that multiply",
      `---\na: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh".replaceAll(/./g, (b) => `${b}: &${b} [${`*${String.fromCharCode(b.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}configs: *h\n---\n`,
    ],
  ])("that has %s says nothing", (_, text) => {
    expect(cardConfigs(text)).toEqual([]);
  });
});

describe("chooseSplits", () => {
  it("takes the default configuration, or the only one, where none is named", () => {
    const withDefault = layoutOf("default/train/0.parquet", "other/train/0.parquet");
    expect(chooseSplits(withDefault, "x", undefined, ["train"])).toMatchObject({ config: "default" });
    expect(chooseSplits(layoutOf("only/train/0.parquet"), "x", undefined, ["train"])).toMatchObject({ config: "only" });
  });

  it("names what there is and what is nearest where something is missing", () => {
    const layout = layoutOf("cola/train/0.parquet", "cola/validation/0.parquet", "sst2/train/0.parquet");
    expect(chooseSplits(layout, "glue", undefined, ["train"])).toMatchObject({ expected: 'one of "cola" or "sst2"' });
    expect(chooseSplits(layout, "glue", "coal", ["train"])).toMatchObject({
      expected: 'one of "cola" or "sst2"',
      hint: 'Did you mean "cola"?',
    });
    expect(chooseSplits(layout, "glue", "cola", ["train", "validaton"])).toMatchObject({
      expected: 'one of "train" or "validation"',
      hint: 'Did you mean "validation"?',
    });
  });

  it("refuses a split of which a numbered file is missing", () => {
    const layout = layoutOf("data/train-00000-of-00003.parquet", "data/train-00002-of-00003.parquet");
    expect(chooseSplits(layout, "x", undefined, ["train"])).toMatchObject({
      message: 'Of the split "train" of x (default), 2 of 3 files are there.',
    });
  });
});
