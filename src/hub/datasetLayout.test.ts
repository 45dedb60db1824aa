import { describe, expect, it } from "vitest";
import { chooseSplits, datasetLayout } from "./datasetLayout.ts";

function layoutOf(...paths: string[]) {
  return datasetLayout(paths.map((path) => ({ path, size: 1, etag: "" })));
}

/** `config/split` → paths, with a star where the split is partial. */
function shapeOf(...paths: string[]): Record<string, string[]> {
  const shape: Record<string, string[]> = {};
  for (const [config, splits] of layoutOf(...paths)) {
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
      "de/x": ["de/x.parquet"],
    });
    expect(shapeOf("train/0000.parquet", "test/part-1.parquet")).toEqual({
      "default/train": ["train/0000.parquet"],
      "default/test": ["test/part-1.parquet"],
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
