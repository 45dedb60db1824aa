/** @file A prompt method as two small sessions: parameters → values of ports, and their cotangents → gradients of the parameters. */
import { symbol } from "../graph/dims.ts";
import { emit } from "../graph/emit.ts";
import { vjp } from "../graph/gradient.ts";
import { floats, Session, type TensorValue } from "../graph/session.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { type Cotangents, type PortName, type PortValues, portNames } from "../models/ports.ts";
import type { ParameterValues, Ports, PromptMethod, Tensors, Text } from "./method.ts";

export type { ParameterValues } from "./method.ts";

/** Values of the text that a method reads. */
export type TextValues = Text<TensorValue>;

/** A method's ports as expressions of graph inputs, named as in the method; texts are `text_embeddings` and `text_mask`. */
interface Expression {
  parameters: Tensors;
  inputs: readonly Tensor[];
  ports: Ports;
}

const batch = symbol("batch");
const source = symbol("source");

function expressionOf(method: PromptMethod): Expression {
  const named = (shapes: Readonly<Record<string, readonly number[]>>) =>
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, input(name, "float32", shape)]));
  const parameters = named(method.parameters);
  const frozen = named(Object.fromEntries(Object.entries(method.frozen).map(([name, { shape }]) => [name, shape])));
  const text = method.readsText
    ? {
        embeddings: input("text_embeddings", "float32", [batch, source, method.hiddenSize]),
        mask: input("text_mask", "float32", [batch, source]),
        ...(method.noise ? { noise: input("text_noise", "float32", [batch, method.noise]) } : {}),
      }
    : undefined;
  const ports = text ? method.apply(parameters, frozen, text) : method.apply(parameters, frozen);
  const inputs = [...Object.values(parameters), ...Object.values(frozen), ...(text ? Object.values(text) : [])];
  return { parameters, inputs, ports };
}

function inUse(ports: Ports): PortName[] {
  return portNames.filter((port) => ports[port]);
}

/** The ports that a method gives values to. */
export function portsInUse(method: PromptMethod): PortName[] {
  return inUse(expressionOf(method).ports);
}

/**
 * The vectors among the model's embeddings that a prompt is looked into as, of each of several values of its parameters: what the
 * method says, else its prompt; none where it has neither. `[m, d]` each
 */
export async function viewedRows(method: PromptMethod, values: readonly ParameterValues[]): Promise<Float32Array[]> {
  const rows = method.view?.rows;
  const viewed: PromptMethod = rows
    ? { ...method, readsText: false, apply: (parameters, frozen) => ({ prompt: rows(parameters, frozen) }) }
    : method;
  if (!portsInUse(viewed).includes("prompt")) return values.map(() => new Float32Array(0));
  const session = await PromptSession.create(viewed);
  try {
    const made: Float32Array[] = [];
    for (const parameters of values) made.push((await session.values(parameters)).prompt!.data as Float32Array);
    return made;
  } finally {
    await session.release();
  }
}

export class PromptSession {
  readonly method: PromptMethod;
  readonly ports: readonly PortName[];
  private readonly forward: Session;
  private readonly backward: Session;

  private constructor(method: PromptMethod, ports: readonly PortName[], forward: Session, backward: Session) {
    this.method = method;
    this.ports = ports;
    this.forward = forward;
    this.backward = backward;
  }

  /** The work is small next to the model's, so it always runs on the CPU, where its bits do not depend on the device. */
  static async create(method: PromptMethod): Promise<PromptSession> {
    const { parameters, inputs, ports } = expressionOf(method);
    const names = inUse(ports);
    const outputs = names.map((port) => ports[port]!);
    const cotangents = names.map((port, index) => input(`d_${port}`, "float32", outputs[index]!.shape));
    const derivatives = vjp(outputs, cotangents, Object.values(parameters));
    const gradients = Object.fromEntries(
      Object.keys(parameters).map((name, index) => [`d_${name}`, derivatives[index]!]),
    );
    const values = Object.fromEntries(names.map((port, index) => [`port_${port}`, outputs[index]!]));
    const options = { device: "cpu", threads: 1 } as const;
    const forward = await Session.create(emit(inputs, values), options);
    try {
      const backward = await Session.create(emit([...inputs, ...cotangents], gradients), options);
      return new PromptSession(method, names, forward, backward);
    } catch (error) {
      await forward.release();
      throw error;
    }
  }

  private feeds(parameters: ParameterValues, text: TextValues | undefined): Record<string, TensorValue> {
    const { method } = this;
    const feeds: Record<string, TensorValue> = {};
    for (const [name, shape] of Object.entries(method.parameters)) feeds[name] = floats(parameters[name]!, shape);
    for (const [name, { data, shape }] of Object.entries(method.frozen)) feeds[name] = floats(data, shape);
    if (!method.readsText) return feeds;
    if (!text) throw new RangeError("The method reads texts, and none were given.");
    const given: Record<string, TensorValue> = { ...feeds, text_embeddings: text.embeddings, text_mask: text.mask };
    if (!method.noise) return given;
    const rows = text.mask.shape[0]!;
    const silence = () => floats(new Float32Array(rows * method.noise!), [rows, method.noise!]);
    return { ...given, text_noise: text.noise ?? silence() };
  }

  /** Values for the ports. @param text of the batch that they are for, where the method reads it */
  async values(parameters: ParameterValues, text?: TextValues): Promise<PortValues> {
    const outputs = await this.forward.run<string>(this.feeds(parameters, text));
    return Object.fromEntries(this.ports.map((port) => [port, outputs[`port_${port}`]!]));
  }

  /**
   * Gradients of the parameters from dLoss/d(port) of every port in use.
   * @param values what the cotangents belong to: what `values` made of the same parameters and text
   */
  async gradients(
    parameters: ParameterValues,
    values: PortValues,
    cotangents: Cotangents,
    text?: TextValues,
  ): Promise<ParameterValues> {
    const feeds = this.feeds(parameters, text);
    for (const port of this.ports) feeds[`d_${port}`] = floats(cotangents[port]!, values[port]!.shape);
    const outputs = await this.backward.run<string>(feeds);
    return Object.fromEntries(
      Object.keys(this.method.parameters).map((name) => [name, outputs[`d_${name}`]!.data as Float32Array]),
    );
  }

  async release(): Promise<void> {
    await Promise.allSettled([this.forward.release(), this.backward.release()]);
  }
}
