/** @file A prompt method as two small sessions: parameters → E, and dLoss/dE → gradients of the parameters. */
import { emit } from "../graph/emit.ts";
import { gradients } from "../graph/gradient.ts";
import * as ops from "../graph/ops.ts";
import { floats, Session, type TensorValue } from "../graph/session.ts";
import { input } from "../graph/tensor.ts";
import type { PromptMethod } from "./method.ts";

export type ParameterValues = Record<string, Float32Array>;

export class PromptSession {
  readonly method: PromptMethod;
  private readonly forward: Session;
  private readonly backward: Session;

  private constructor(method: PromptMethod, forward: Session, backward: Session) {
    this.method = method;
    this.forward = forward;
    this.backward = backward;
  }

  /** The work is small next to the model's, so it always runs on the CPU, where its bits do not depend on the device. */
  static async create(method: PromptMethod): Promise<PromptSession> {
    const inputs = (tensors: Readonly<Record<string, readonly number[]>>) =>
      Object.fromEntries(Object.entries(tensors).map(([name, shape]) => [name, input(name, "float32", shape)]));
    const parameters = inputs(method.parameters);
    const constants = inputs(
      Object.fromEntries(Object.entries(method.constants).map(([name, { shape }]) => [name, shape])),
    );
    const embeddings = method.embed(parameters, constants);
    const gradient = input("d_prompt", "float32", [method.promptLength, method.hiddenSize]);
    // The gradient of Σ E∘G by the parameters is the vector-Jacobian product with G.
    const derivatives = gradients(ops.sum(ops.multiply(embeddings, gradient)), Object.values(parameters));
    const all = [...Object.values(parameters), ...Object.values(constants)];
    const named = Object.fromEntries(Object.keys(parameters).map((name, index) => [`d_${name}`, derivatives[index]!]));
    const options = { device: "cpu", threads: 1 } as const;
    const forward = await Session.create(emit(all, { embeddings }), options);
    try {
      return new PromptSession(method, forward, await Session.create(emit([...all, gradient], named), options));
    } catch (error) {
      await forward.release();
      throw error;
    }
  }

  private feeds(parameters: ParameterValues): Record<string, TensorValue> {
    const { method } = this;
    const feeds: Record<string, TensorValue> = {};
    for (const [name, shape] of Object.entries(method.parameters)) feeds[name] = floats(parameters[name]!, shape);
    for (const [name, { data, shape }] of Object.entries(method.constants)) feeds[name] = floats(data, shape);
    return feeds;
  }

  /** E `[n, d]` */
  async embeddings(parameters: ParameterValues): Promise<TensorValue> {
    return (await this.forward.run<"embeddings">(this.feeds(parameters))).embeddings;
  }

  /** Gradients of the parameters from G = dLoss/dE `[n, d]`. */
  async gradients(parameters: ParameterValues, gradient: Float32Array): Promise<ParameterValues> {
    const { promptLength, hiddenSize } = this.method;
    const feeds = { ...this.feeds(parameters), d_prompt: floats(gradient, [promptLength, hiddenSize]) };
    const outputs = await this.backward.run<string>(feeds);
    return Object.fromEntries(
      Object.keys(this.method.parameters).map((name) => [name, outputs[`d_${name}`]!.data as Float32Array]),
    );
  }

  async release(): Promise<void> {
    await Promise.allSettled([this.forward.release(), this.backward.release()]);
  }
}
