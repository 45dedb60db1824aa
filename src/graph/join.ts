/**
 * @file Several graphs over the same weights as one ONNX model that runs the one it is told to: each is a branch of an `If`, the
 * weights stand outside. A session of it holds them once, and what is converted to float32 is converted once.
 */
import type { Model } from "./emit.ts";
import {
  attributeType,
  type DimensionProto,
  dataType,
  encodeModel,
  externalLocation,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./onnx.ts";
import { graphError } from "./tensor.ts";
import { floats, ints, type TensorValue } from "./values.ts";

/** The input, a scalar, that tells whether a graph is to be run. */
export function switchName(graph: string): string {
  return `${graph}?`;
}

/** What an output of one graph is called in the whole. */
export function joinedName(graph: string, output: string): string {
  return `${graph}/${output}`;
}

export interface Joined {
  readonly bytes: Uint8Array;
  weightsFolder: string | undefined;
  multipliesIntegers: boolean;
  /** What stands in for each input that the graph which runs does not have. */
  unused: Record<string, TensorValue>;
}

/** Joins graphs by their names. Inputs of the same name are one input. */
export function joinModels(models: Readonly<Record<string, Model>>): Joined {
  const joiner = new Joiner();
  for (const [name, model] of Object.entries(models)) joiner.add(name, model.graph);
  const folders = new Set(Object.values(models).flatMap(({ weightsFolder }) => weightsFolder ?? []));
  if (folders.size > 1) throw graphError(`The weights lie in ${[...folders].join(" and ")}.`);
  const multipliesIntegers = Object.values(models).some((model) => model.multipliesIntegers);
  return {
    bytes: encodeModel(joiner.graph),
    weightsFolder: [...folders][0],
    multipliesIntegers,
    unused: joiner.unused,
  };
}

class Joiner {
  private readonly inputs = new Map<string, ValueInfoProto>();
  private readonly weights = new Map<string, TensorProto>();
  /** Of the weights that are not float32, by their names. */
  private readonly casts = new Map<string, NodeProto>();
  private readonly branches: NodeProto[] = [];
  private readonly switches: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];

  add(name: string, graph: GraphProto): void {
    for (const input of graph.input) this.addInput(input);
    const own = graph.initializer.filter((tensor) => !this.isWeight(tensor));
    const nodes = graph.node.filter((node) => !this.isCast(node));
    const outside = new Set([...graph.input.map((input) => input.name), ...this.weights.keys()]);
    const renamed = new Map(
      graph.node.filter((node) => this.isCast(node)).map(({ input, output }) => [output[0]!, floatName(input[0]!)]),
    );
    const rename = (value: string) => renamed.get(value) ?? (outside.has(value) ? value : `${name}/${value}`);
    const outputs = graph.output.map(({ type: { tensor_type }, ...output }) => ({
      name: rename(output.name),
      type: { tensor_type: { elem_type: tensor_type.elem_type } },
    }));
    const branch: GraphProto = {
      name,
      node: nodes.map((node) => ({
        ...node,
        name: `${name}/${node.name}`,
        input: node.input.map(rename),
        output: node.output.map(rename),
      })),
      initializer: own.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
      input: [],
      output: outputs,
      value_info: graph.value_info.map((info) => ({ ...info, name: rename(info.name) })),
    };
    this.switches.push({
      name: switchName(name),
      type: { tensor_type: { elem_type: dataType.bool, shape: { dim: [] } } },
    });
    this.branches.push({
      name: `if ${name}`,
      op_type: "If",
      input: [switchName(name)],
      output: outputs.map((output) => output.name),
      attribute: [
        { name: "then_branch", type: attributeType.graph, g: inside(branch) },
        { name: "else_branch", type: attributeType.graph, g: nothing(`no ${name}`, outputs) },
      ],
    });
    this.outputs.push(...outputs);
  }

  get graph(): GraphProto {
    return {
      name: "ulpt",
      node: [...this.casts.values(), ...this.branches],
      initializer: [...this.weights.values()],
      input: [...this.inputs.values(), ...this.switches],
      output: this.outputs,
      value_info: [],
    };
  }

  get unused(): Record<string, TensorValue> {
    return Object.fromEntries([...this.inputs.values()].map((input) => [input.name, emptyValue(input)]));
  }

  private isWeight(tensor: TensorProto): boolean {
    if (tensor.data_location !== externalLocation) return false;
    this.weights.set(tensor.name, tensor);
    return true;
  }

  /** The engine only folds a cast into the weight where both stand outside. */
  private isCast(node: NodeProto): boolean {
    const [weight] = node.input as [string];
    if (node.op_type !== "Cast" || !this.weights.has(weight)) return false;
    this.casts.set(weight, { ...node, name: floatName(weight), output: [floatName(weight)] });
    return true;
  }

  /** Sizes that differ between graphs are left open. */
  private addInput(input: ValueInfoProto): void {
    const known = this.inputs.get(input.name);
    if (!known) {
      this.inputs.set(input.name, input);
      return;
    }
    const [a, b] = [known.type.tensor_type, input.type.tensor_type];
    const [dims, others] = [a.shape!.dim, b.shape!.dim];
    if (a.elem_type !== b.elem_type || dims.length !== others.length) {
      throw graphError(`Two graphs have an input "${input.name}" of different kinds.`);
    }
    const dim = dims.map(
      (size, axis): DimensionProto =>
        JSON.stringify(size) === JSON.stringify(others[axis]) ? size : { dim_param: `${input.name}:${axis}` },
    );
    this.inputs.set(input.name, {
      name: input.name,
      type: { tensor_type: { elem_type: a.elem_type, shape: { dim } } },
    });
  }
}

function floatName(weight: string): string {
  return `float32 ${weight}`;
}

/** Names of outputs belong to the whole: within a branch they get others. */
function inside(branch: GraphProto): GraphProto {
  const outputs = new Map(branch.output.map(({ name }) => [name, `${name} inside`]));
  const rename = (name: string) => outputs.get(name) ?? name;
  return {
    ...branch,
    node: branch.node.map((node) => ({ ...node, input: node.input.map(rename), output: node.output.map(rename) })),
    output: branch.output.map((output) => ({ ...output, name: rename(output.name) })),
  };
}

/** A branch that gives an empty vector for each output. */
function nothing(name: string, outputs: readonly ValueInfoProto[]): GraphProto {
  const emptyName = (output: ValueInfoProto) => `${output.name} empty`;
  const graph: GraphProto = { name, node: [], initializer: [], input: [], output: [], value_info: [] };
  for (const output of outputs) {
    const { elem_type } = output.type.tensor_type;
    const value = `${output.name} none`;
    graph.initializer.push({ name: value, data_type: elem_type, dims: [0], raw_data: new Uint8Array() });
    graph.node.push({
      name: emptyName(output),
      op_type: "Identity",
      input: [value],
      output: [emptyName(output)],
      attribute: [],
    });
    graph.output.push({ name: emptyName(output), type: { tensor_type: { elem_type } } });
  }
  return graph;
}

/** A value with no numbers, or the fewest that its shape allows. */
function emptyValue({ type: { tensor_type } }: ValueInfoProto): TensorValue {
  const shape = tensor_type.shape!.dim.map((size) => ("dim_value" in size ? size.dim_value : 0));
  const count = shape.reduce((product, size) => product * size, 1);
  return tensor_type.elem_type === dataType.int64
    ? ints(new BigInt64Array(count), shape)
    : floats(new Float32Array(count), shape);
}
