/** @file From tensor expressions to the bytes of an ONNX model. */
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { UlptError } from "../errors.ts";
import type { Dim, Shape } from "./dims.ts";
import {
  type AttributeProto,
  attributeType,
  dataType,
  encodeModel,
  engineDomain,
  externalLocation,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./onnx.ts";
import { type Attribute, graphError, inOrder, type Source, type Tensor } from "./tensor.ts";

export interface Model {
  graph: GraphProto;
  /** The graph as an `.onnx` model. */
  readonly bytes: Uint8Array;
  /** The folder that holds every file the weights are read from; undefined if there are no weights. */
  weightsFolder: string | undefined;
  /** Whether some of its products read integers, which the engine has to arrange for them when it loads the model. */
  multipliesIntegers: boolean;
  /** Those that a caller gives, and the rows of tables that a session reads. */
  inputs: readonly Tensor[];
  outputs: Readonly<Record<string, Tensor>>;
}

/** Operators that are not ONNX's own. */
const engineOperators: ReadonlySet<string> = new Set(["MatMulNBits", "MatMulIntegerToFloat"]);

/** Emits the graph that computes `outputs` from `inputs`; whatever the outputs do not need is left out. */
export function emit(inputs: readonly Tensor[], outputs: Readonly<Record<string, Tensor>>): Model {
  const emitter = new Emitter(inputs);
  for (const [name, tensor] of Object.entries(outputs)) emitter.output(name, tensor);
  const { graph, weightsFolder, rows } = emitter;
  const multipliesIntegers = graph.node.some(({ domain }) => domain === engineDomain);
  return {
    ...{ graph, weightsFolder, multipliesIntegers, outputs },
    inputs: [...inputs, ...rows],
    get bytes() {
      return encodeModel(graph);
    },
  };
}

class Emitter {
  readonly graph: GraphProto = { name: "ulpt", node: [], initializer: [], input: [], output: [], value_info: [] };
  weightsFolder: string | undefined;
  /** Inputs that were not declared, of rows that a session reads. */
  readonly rows: Tensor[] = [];
  /** Tensors that share a source are one value. */
  private readonly names = new Map<Source, string>();
  private readonly constants = new Map<string, string>();
  private readonly weightNames = new Set<string>();
  private readonly sizeNames = new Map<string, string>();
  private readonly symbolAxes = new Map<string, { input: string; axis: number }>();
  private readonly files = new Map<string, string>();
  private count = 0;

  constructor(inputs: readonly Tensor[]) {
    for (const tensor of inputs) {
      if (tensor.source.kind !== "input") throw graphError(`${tensor} is not an input.`);
      const { name } = tensor.source;
      this.names.set(tensor.source, name);
      this.graph.input.push(valueInfo(name, tensor));
      for (const [axis, dim] of tensor.shape.entries()) {
        const symbol = typeof dim === "number" ? undefined : dim.symbol;
        if (symbol && !this.symbolAxes.has(symbol)) this.symbolAxes.set(symbol, { input: name, axis });
      }
    }
  }

  output(name: string, tensor: Tensor): void {
    this.node("Identity", [this.value(tensor)], {}, name);
    this.graph.output.push(valueInfo(name, tensor));
  }

  /** The name of the value of `root`, after emitting all it needs. */
  private value(root: Tensor): string {
    const tensors = inOrder([root], (source) => this.names.has(source));
    for (const tensor of tensors) this.names.set(tensor.source, this.emitSource(tensor.source, tensor));
    return this.names.get(root.source)!;
  }

  private emitSource(source: Source, tensor: Tensor): string {
    switch (source.kind) {
      case "input":
        if (!source.rows) throw graphError(`The input "${source.name}" is used but not declared.`);
        return this.pickedRows(source.name, tensor);
      case "constant":
        return this.constant(source.data, tensor.shape as readonly number[]);
      case "weight":
        return this.weight(source, tensor);
      case "sizes":
        return this.sizes(source.dims);
      case "node": {
        const inputs = source.inputs.map((input) => this.names.get(input.source)!);
        const name = this.node(source.op, inputs, source.attributes);
        // The engine plans which value takes the memory of which. Of shapes that it cannot tell, that takes it the square of their number.
        this.graph.value_info.push(valueInfo(name, tensor));
        return name;
      }
    }
  }

  /** Rows that several read are one input. */
  private pickedRows(name: string, tensor: Tensor): string {
    if (!this.rows.some(({ source }) => source.kind === "input" && source.name === name)) {
      this.graph.input.push(valueInfo(name, tensor));
      this.rows.push(tensor);
    }
    return name;
  }

  private fresh(label: string): string {
    return `${label}_${this.count++}`;
  }

  private node(
    op: string,
    input: string[],
    attributes: Readonly<Record<string, Attribute>>,
    output = this.fresh(op),
  ): string {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value));
    const proto: NodeProto = { name: output, op_type: op, input, output: [output], attribute };
    if (engineOperators.has(op)) proto.domain = engineDomain;
    this.graph.node.push(proto);
    return output;
  }

  private constant(data: Extract<Source, { kind: "constant" }>["data"], dims: readonly number[]): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const type = constantType(data);
    const key = bytes.length <= 64 ? `${type}[${dims}]${bytes.join()}` : undefined; // small ones recur all over a graph
    const known = key && this.constants.get(key);
    if (known) return known;
    const name = this.fresh("constant");
    this.graph.initializer.push({ name, data_type: type, dims, raw_data: bytes });
    if (key) this.constants.set(key, name);
    return name;
  }

  private weight(source: Extract<Source, { kind: "weight" }>, { dtype, shape }: Tensor): string {
    const tensor: TensorProto = {
      name: source.name,
      data_type: dataType[source.stored],
      dims: shape as readonly number[],
      data_location: externalLocation,
      external_data: [
        { key: "location", value: this.fileName(source.path) },
        { key: "offset", value: String(source.offset) },
        { key: "length", value: String(source.byteLength) },
      ],
    };
    // What is viewed in the same shape again is one weight.
    if (!this.weightNames.has(source.name)) this.graph.initializer.push(tensor);
    this.weightNames.add(source.name);
    // The engine folds this cast when it loads the model.
    return source.stored === dtype ? source.name : this.node("Cast", [source.name], { to: dataType[dtype] });
  }

  /**
   * The engine refuses links that leave the folder, as in the Hub's cache: so name the file behind the link. A file that is not there
   * is missed when the graph is run: its memory can be counted before.
   */
  private fileName(path: string): string {
    const known = this.files.get(path);
    if (known) return known;
    const real = existsSync(path) ? realpathSync(path) : path;
    const folder = dirname(real);
    if (this.weightsFolder !== undefined && this.weightsFolder !== folder) {
      throw new UlptError("MODEL_MISSING", "The weight files of this model lie in different folders.", {
        where: `${this.weightsFolder} and ${folder}`,
        expected: "all files of a sharded model behind one folder",
        hint: "Move or copy the files into one folder.",
      });
    }
    this.weightsFolder = folder;
    this.files.set(path, basename(real));
    return basename(real);
  }

  private sizes(dims: Shape): string {
    const parts = dims.map((dim) => this.size(dim));
    return parts.length === 1 ? parts[0]! : this.node("Concat", parts, { axis: 0 });
  }

  /** One size as an int64 vector of one element. */
  private size(dim: Dim): string {
    const key = String(dim);
    const known = this.sizeNames.get(key);
    if (known) return known;
    const name = this.emitSize(dim);
    this.sizeNames.set(key, name);
    return name;
  }

  private emitSize(dim: Dim): string {
    if (typeof dim === "number") return this.constant(BigInt64Array.of(BigInt(dim)), [1]);
    const terms = [...dim.terms].map(([monomial, factor]) => {
      const symbols = monomial.split("*").filter(Boolean);
      const factors = symbols.map((symbol) => this.symbolSize(symbol));
      if (factor !== 1 || factors.length === 0) factors.push(this.constant(BigInt64Array.of(BigInt(factor)), [1]));
      return factors.reduce((a, b) => this.node("Mul", [a, b], {}));
    });
    return terms.reduce((a, b) => this.node("Add", [a, b], {}));
  }

  private symbolSize(symbol: string): string {
    const known = this.sizeNames.get(symbol);
    if (known) return known;
    const at = this.symbolAxes.get(symbol);
    if (!at) throw graphError(`The size "${symbol}" is no axis of an input.`);
    const name = this.node("Shape", [at.input], { start: at.axis, end: at.axis + 1 });
    this.sizeNames.set(symbol, name);
    return name;
  }
}

function constantType(data: Extract<Source, { kind: "constant" }>["data"]): number {
  if (data instanceof Float32Array) return dataType.float32;
  return data instanceof Uint8Array ? dataType.uint8 : dataType.int64;
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === "number") return { name, type: attributeType.int, i: value };
  if (typeof value === "string") return { name, type: attributeType.string, s: Buffer.from(value) };
  if ("float" in value) return { name, type: attributeType.float, f: value.float };
  return { name, type: attributeType.ints, ints: value };
}

function valueInfo(name: string, tensor: Tensor): ValueInfoProto {
  const dim = tensor.shape.map((size) =>
    typeof size === "number" ? { dim_value: size } : { dim_param: String(size) },
  );
  return { name, type: { tensor_type: { elem_type: dataType[tensor.dtype], shape: { dim } } } };
}
