/** @file How others have quantised a model's weights, as `quantization_config` of its config.json says it. */
import { UlptError } from "../../errors.ts";
import type { JsonObject } from "../config.ts";
import { ConfigReader } from "../decoder/configReader.ts";

/** A scheme of which the weights are read. */
export type Scheme =
  /** Numbers of eight bits, each times a scale: of the tensor, of its row, or of a block of `block` rows and columns. */
  | { kind: "scaled"; method: string; dtype: "F8_E4M3"; block: readonly [number, number] | undefined }
  /** What tensors say by themselves: code books of 4 bits, and 8 bits with a scale for each row. */
  | { kind: "bitsandbytes"; method: "bitsandbytes"; bits: 4 | 8 }
  | {
      kind: "packed";
      method: "gptq" | "awq";
      bits: 4 | 8;
      /** Inputs that share a scale; undefined: all. */
      groupSize: number | undefined;
      /** What is added to a stored zero: GPTQ's first format keeps one less. */
      zeroOffset: 0 | 1;
      /** Whether the group of each input is stored. */
      ordered: boolean;
    };

const field = "quantization_config";
const bitsandbytesKeys = ["load_in_4bit", "load_in_8bit"];
const hint = "Take the model that was quantised: its repository usually names it. Or another quantisation of it.";

/**
 * The scheme of a config.json; undefined for weights that are plain numbers.
 * @throws MODEL_CONFIG, MODEL_UNSUPPORTED for one that is not read
 */
export function readScheme(json: JsonObject, path: string): Scheme | undefined {
  const config = new ConfigReader(json, path).nested(field);
  if (!config) return undefined;
  // Earlier versions of Transformers gave bitsandbytes no name.
  const method = config.text("quant_method", bitsandbytesKeys.some((key) => config.has(key)) ? "bitsandbytes" : "");
  const read = Object.hasOwn(readers, method) ? readers[method] : undefined;
  if (!read) throw refused(path, method === "" ? "in a way that has no name" : `(${method})`);
  const scheme = read(config, path);
  if (scheme.kind !== "scaled" && json.model_type === "gpt2")
    throw refused(path, `(${method}, of a model whose matrices lie the other way round)`);
  return scheme;
}

/** For people, and for run.json. */
export function describeScheme(scheme: Scheme): string {
  const { method } = scheme;
  if (scheme.kind === "bitsandbytes") return `${method}: ${scheme.bits} bit`;
  if (scheme.kind === "packed") return `${method}: ${scheme.bits} bit in groups of ${scheme.groupSize ?? "all inputs"}`;
  const { block } = scheme;
  return block ? `${method}: e4m3 in blocks of ${block.join("×")}` : `${method}: e4m3`;
}

const readers: Readonly<Record<string, (config: ConfigReader, path: string) => Scheme>> = {
  bitsandbytes: readBitsandbytes,
  gptq: readGptq,
  awq: readAwq,
  fp8: readFp8,
  fbgemm_fp8: () => scaled("fbgemm_fp8", undefined),
  "compressed-tensors": readCompressedTensors,
};

function refused(path: string, how: string): UlptError {
  return new UlptError("MODEL_UNSUPPORTED", `The model's weights are quantised ${how}, which is not read here.`, {
    where: `${path}, field "${field}"`,
    expected: `weights in float32, float16 or bfloat16, or quantised by ${Object.keys(readers).join(", ")}`,
    hint,
  });
}

function scaled(method: string, block: readonly [number, number] | undefined): Scheme {
  return { kind: "scaled", method, dtype: "F8_E4M3", block };
}

function readBitsandbytes(config: ConfigReader, path: string): Scheme {
  const says = (key: string) => config.flag([key, `_${key}`], false);
  const [four, eight] = [says("load_in_4bit"), says("load_in_8bit")];
  if (four === eight) throw refused(path, "(bitsandbytes, neither or both of load_in_4bit and load_in_8bit)");
  return { kind: "bitsandbytes", method: "bitsandbytes", bits: four ? 4 : 8 };
}

function readGptq(config: ConfigReader, path: string): Scheme {
  const bits = config.count("bits");
  if (bits !== 4 && bits !== 8) throw refused(path, `(gptq, ${bits} bits)`);
  // GPTQModel's rules for single layers: those that begin with a minus leave layers as they were.
  const rules = config.nested("dynamic")?.keys ?? [];
  if (rules.some((rule) => !rule.startsWith("-")))
    throw refused(path, "(gptq, in some layers otherwise than in others)");
  const zeroOffset = config.choice("checkpoint_format", { gptq: 1, gptq_v2: 0 } as const, "gptq");
  const ordered = config.flag("desc_act", false);
  return { kind: "packed", method: "gptq", bits, groupSize: groupSizeOf(config, "group_size"), zeroOffset, ordered };
}

function readAwq(config: ConfigReader, path: string): Scheme {
  const bits = config.count(["bits", "w_bit"], 4);
  const version = config.text("version", "gemm").toLowerCase();
  if (bits !== 4 || version !== "gemm") throw refused(path, `(awq, ${bits} bits, version ${JSON.stringify(version)})`);
  const groupSize = groupSizeOf(config, ["group_size", "q_group_size"]);
  return { kind: "packed", method: "awq", bits, groupSize, zeroOffset: 0, ordered: false };
}

/** −1 stands for all inputs. */
function groupSizeOf(config: ConfigReader, keys: string | readonly string[]): number | undefined {
  return config.number(keys, 128) === -1 ? undefined : config.count(keys, 128);
}

function readFp8(config: ConfigReader): Scheme {
  config.choice("fmt", { e4m3: "e4m3" }, "e4m3");
  return scaled("fp8", blockOf(config, "weight_block_size"));
}

/** Sizes of a block, rows and columns. */
function blockOf(config: ConfigReader, key: string): readonly [number, number] | undefined {
  if (!config.has(key)) return undefined;
  const sizes = config.numbers(key);
  const [rows, columns] = sizes;
  const areCounts = sizes.every((size) => Number.isSafeInteger(size) && size > 0);
  if (sizes.length !== 2 || !areCounts) throw config.error(key, `It is [${sizes}].`, "rows and columns of a block");
  return [rows!, columns!];
}

/** Of numbers that are stored one a byte; how scales are laid out shows in their shapes. */
function readCompressedTensors(config: ConfigReader, path: string): Scheme {
  const format = config.text("format", "");
  if (format !== "float-quantized" && format !== "naive-quantized")
    throw refused(path, `(compressed-tensors, format ${JSON.stringify(format)})`);
  const groups = config.nested("config_groups");
  const blocks = (groups?.entries() ?? []).flatMap((group) => {
    const weights = group.nested("weights");
    if (!weights) return [];
    const [bits, type] = [weights.count("num_bits", 8), weights.text("type", "int")];
    if (bits !== 8 || type !== "float") throw refused(path, `(compressed-tensors, ${type} of ${bits} bits)`);
    return [blockOf(weights, "block_structure")];
  });
  const [block] = blocks;
  if (blocks.some((other) => other?.join() !== block?.join()))
    throw refused(path, "(compressed-tensors, in blocks of several sizes)");
  return scaled("compressed-tensors", block);
}
