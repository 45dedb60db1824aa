import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { Random } from "../../test/support/random.ts";
import { type TinyT5, tinyT5, writeModel } from "../../test/support/tinyT5.ts";
import { encodeSafetensors } from "../formats/safetensors.ts";
import { lossGraph } from "./encoderDecoder/graphs.ts";
import { EncoderDecoderModel } from "./encoderDecoder/model.ts";
import { openModel } from "./model.ts";
import { Weights } from "./weights.ts";

const folder = temporaryFolder();
const tiny = tinyT5(new Random(1));
let folders = 0;

function fresh(changes: Partial<TinyT5> = {}, shards = 1): string {
  return writeModel(folder(`${folders++}`), { ...tiny, ...changes }, { shards });
}

/** Opens a model and builds a graph of it, which asks for every weight. */
const build = (path: string) => lossGraph(EncoderDecoderModel.open(path).network, { shortTargets: true });
const indexName = "model.safetensors.index.json";
const query = "encoder.block.0.layer.0.SelfAttention.q.weight";

describe("weights that do not fit config.json", () => {
  it("a missing tensor is named", async () => {
    const { [query]: _, ...weights } = tiny.weights;
    const path = fresh({ weights });
    const error = await expectError(() => build(path), "MODEL_TENSOR", query);
    expect(error.where).toContain(path);
    expect(error.expected).toContain("[8,16]");
  });

  it("a tensor of another shape is named, with both shapes", async () => {
    const weights = { ...tiny.weights, [query]: { shape: [16, 8], data: new Float32Array(128) } };
    const error = await expectError(() => build(fresh({ weights })), "MODEL_TENSOR", query);
    expect(error.message).toContain("[16,8]");
    expect(error.expected).toContain("[8,16]");
  });

  it("every weight is checked, whichever config field is wrong", async () => {
    for (const [field, value] of [
      ["d_ff", 25],
      ["num_heads", 3],
      ["vocab_size", 41],
      ["num_layers", 2],
      ["num_decoder_layers", 2],
      ["relative_attention_num_buckets", 10],
      ["feed_forward_proj", "gated-gelu"],
      ["tie_word_embeddings", false],
    ] as const) {
      const path = fresh({ config: { ...tiny.config, [field]: value } });
      await expectError(() => build(path), "MODEL_TENSOR", "tensor");
    }
  });

  it.each([
    ["encoder", { num_layers: 1, num_decoder_layers: 2 }],
    ["decoder", { num_layers: 2, num_decoder_layers: 1 }],
  ])("a block of the %s beyond config.json is named, and is not left out in silence", async (stack, depths) => {
    const deeper = tinyT5(new Random(1), { ...tiny.config, num_layers: 2, num_decoder_layers: 2 });
    for (const shards of [1, 2]) {
      const path = fresh({ ...deeper, config: { ...deeper.config, ...depths } }, shards);
      const error = await expectError(() => openModel(path), "MODEL_TENSOR", `${stack}.block.1.`);
      expect(error.where).toContain(path);
      expect(error.where).toContain(".safetensors");
      expect(error.message).toContain("config.json");
      expect(error.expected).toContain(`${stack} blocks 0 to 0`);
    }
  });

  it("a tensor of integers is quantised, and named", async () => {
    const path = fresh();
    const weights = { ...tiny.weights, [query]: { shape: [8, 16], data: new BigInt64Array(128) } };
    writeFileSync(join(path, "model.safetensors"), encodeSafetensors(weights));
    const error = await expectError(() => build(path), "MODEL_UNSUPPORTED", query);
    expect(error.message).toContain("I64");
    expect(error.expected).toContain("F32");
  });

  it("a tensor of a type that is not read is no matter where it is not used, and named where it is", async () => {
    const path = fresh();
    const extra = { ...tiny.weights, "decoder.extra.scale": { shape: [128], data: new Uint8Array(128) } };
    const bytes = Buffer.from(encodeSafetensors(extra));
    const as = (name: string, dtype: string) => {
      const length = Number(bytes.readBigUInt64LE());
      const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<string, object>;
      header[name] = { ...header[name], dtype };
      const text = JSON.stringify(header).padEnd(length);
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(text.length));
      return Buffer.concat([size, Buffer.from(text), bytes.subarray(8 + length)]);
    };
    writeFileSync(join(path, "model.safetensors"), as("decoder.extra.scale", "F8_E4M3"));
    expect(() => build(path)).not.toThrow();
    writeFileSync(join(path, "model.safetensors"), as(query, "F8_E5M2"));
    expect((await expectError(() => build(path), "MODEL_UNSUPPORTED", query)).message).toContain("F8_E5M2");
  });

  it.each<[string, (name: string) => string | undefined, string]>([
    ["only an encoder", (name) => (/^decoder\.block/.test(name) ? undefined : name), "only an encoder"],
    ["only a decoder", (name) => (/^encoder\.block/.test(name) ? undefined : name), "only a decoder"],
    ["a model inside an adapter's", (name) => `base_model.model.${name}`, "base_model.model."],
  ])("%s is said to be that", async (_, rename, words) => {
    const weights = Object.fromEntries(
      Object.entries(tiny.weights).flatMap(([name, tensor]) => {
        const renamed = rename(name);
        return renamed === undefined ? [] : [[renamed, tensor]];
      }),
    );
    const error = await expectError(() => openModel(fresh({ weights })), "MODEL_UNSUPPORTED", folder());
    expect(error.message).toContain(words);
    expect(error.hint).not.toContain("download");
  });

  it("quantised weights are said to be that by how they were quantised", async () => {
    const config = { ...tiny.config, quantization_config: { quant_method: "bitsandbytes", load_in_8bit: true } };
    const error = await expectError(() => openModel(fresh({ config })), "MODEL_UNSUPPORTED", "quantization_config");
    expect(error.message).toContain("bitsandbytes");
  });

  it.each([
    ["NaN", Number.NaN],
    ["an infinity", Number.NEGATIVE_INFINITY],
  ])("%s among the weights is found where it stands", (_, value) => {
    const { shape, data } = tiny.weights[query]!;
    expect(openModel(fresh()).weights.findNotFinite()).toBeUndefined();
    const damaged = Float32Array.from(data as Float32Array);
    damaged[100] = value;
    const found = openModel(fresh({ weights: { ...tiny.weights, [query]: { shape, data: damaged } } })).weights;
    expect(found.findNotFinite()).toContain(`tensor "${query}": number 100 of it, counted from 0, is ${value}`);
  });

  it("no embedding table is a missing tensor, also when it is read", async () => {
    const { "shared.weight": _, ...weights } = tiny.weights;
    const path = fresh({ weights });
    await expectError(() => build(path), "MODEL_TENSOR", "shared.weight");
    await expectError(() => openModel(path).readEmbeddings(), "MODEL_TENSOR", "shared.weight");
  });
});

describe("weight files that are missing or damaged", () => {
  it("a folder without weights says what it should hold", async () => {
    const path = fresh();
    unlinkSync(join(path, "model.safetensors"));
    const error = await expectError(() => openModel(path), "MODEL_MISSING", path);
    expect(error.expected).toContain("model.safetensors");
  });

  it("weights that are only a pickle are not read, and the reason is given", async () => {
    const path = fresh();
    rmSync(join(path, "model.safetensors"));
    writeFileSync(join(path, "pytorch_model.bin"), "");
    const error = await expectError(() => openModel(path), "MODEL_MISSING", path);
    expect(error.message).toContain("pickle");
    expect(error.hint).toContain("safetensors");
  });

  it("an adapter is said to be one", async () => {
    const path = fresh();
    rmSync(join(path, "model.safetensors"));
    writeFileSync(join(path, "adapter_model.safetensors"), "");
    const error = await expectError(() => openModel(path), "MODEL_MISSING", path);
    expect(error.message).toContain("adapter");
    rmSync(join(path, "config.json"));
    expect((await expectError(() => openModel(path), "MODEL_MISSING", path)).message).toContain("adapter");
  });

  it.each(["model.safetensors", "model.safetensors.index.json", "config.json"])(
    "a Git LFS pointer in place of %s is said to be one",
    async (file) => {
      const path = fresh();
      if (file.includes("index")) rmSync(join(path, "model.safetensors"));
      const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12\n`;
      writeFileSync(join(path, file), pointer);
      const code = file === "config.json" ? "MODEL_CONFIG" : "SAFETENSORS_INVALID";
      const error = await expectError(() => openModel(path), code, join(path, file));
      expect(error.hint).toContain("git lfs pull");
    },
  );

  it("a folder that is not there is said to be missing", async () => {
    const error = await expectError(() => Weights.open(folder("nowhere")), "MODEL_MISSING", folder("nowhere"));
    expect(error.message).toContain("does not exist");
  });

  it("a link to a blob that was deleted counts as no weights", async () => {
    const path = fresh();
    unlinkSync(join(path, "model.safetensors"));
    symlinkSync(folder("deleted-blob"), join(path, "model.safetensors"));
    await expectError(() => openModel(path), "MODEL_MISSING", path);
  });

  it("a file that was cut short is named", async () => {
    const path = fresh();
    truncateSync(join(path, "model.safetensors"), 5000);
    await expectError(() => openModel(path), "SAFETENSORS_INVALID", join(path, "model.safetensors"));
  });

  it("a shard that is missing, or lacks what the index says it holds, is named", async () => {
    const path = fresh({}, 2);
    const [first, second] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"].map((name) =>
      join(path, name),
    );
    copyFileSync(first!, second!);
    const error = await expectError(() => openModel(path), "MODEL_TENSOR", second!);
    expect(error.message).toContain("index");
    unlinkSync(second!);
    await expectError(() => openModel(path), "SAFETENSORS_INVALID", second!);
  });

  it("shards behind links into different folders are refused", async () => {
    const path = fresh({}, 2);
    const name = "model-00002-of-00002.safetensors";
    mkdirSync(folder("elsewhere"));
    copyFileSync(join(path, name), folder("elsewhere", name));
    unlinkSync(join(path, name));
    symlinkSync(folder("elsewhere", name), join(path, name));
    await expectError(() => build(path), "MODEL_MISSING", "elsewhere");
  });
});

describe("an index is not trusted", () => {
  it.each([
    "../x.safetensors",
    "/etc/x.safetensors",
    "a/x.safetensors",
    "..safetensors",
    ".x.safetensors",
    "x.bin",
    "x.safetensors/",
    "",
    3,
    null,
  ])("to point to %j", async (target) => {
    const path = fresh({}, 2);
    const index = JSON.parse(readFileSync(join(path, indexName), "utf8")) as { weight_map: Record<string, unknown> };
    index.weight_map[query] = target;
    writeFileSync(join(path, indexName), JSON.stringify(index));
    const error = await expectError(() => openModel(path), "SAFETENSORS_INVALID", indexName);
    expect(error.message).toContain(query);
  });

  it.each(["", "{", "[]", "null", "{}", '{"weight_map": 3}', '{"weight_map": null}'])(
    "to be well formed: %s",
    async (text) => {
      const path = fresh({}, 2);
      writeFileSync(join(path, indexName), text);
      await expectError(() => openModel(path), "SAFETENSORS_INVALID", indexName);
    },
  );
});
