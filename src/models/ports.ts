/** @file The ports of a frozen model: where it takes trained numbers, what is given there, and what comes back. */
import { UlptError } from "../errors.ts";
import type { TensorValue } from "../graph/session.ts";

export const portNames = ["prompt", "rowPrompts", "inputDelta", "keyValues"] as const;
export type PortName = (typeof portNames)[number];

/** Ports that stand in front of every text: at most one of them is in use. */
const fronts = ["prompt", "rowPrompts", "keyValues"] as const;

/** Values for the ports in use. */
export interface PortValues {
  /** E `[n, embeddingSize]`: embeddings in front of every text. */
  prompt?: TensorValue | undefined;
  /** `[B, n, embeddingSize]`: embeddings in front of each text of a batch, in the batch's order. */
  rowPrompts?: TensorValue | undefined;
  /** `[L, embeddingSize]`: added to the embeddings of the first L tokens of every source; tokens behind them are left as they are. */
  inputDelta?: TensorValue | undefined;
  /**
   * `[n, layers, 2, keyValueHeads, headSize]`: for each of n positions in front of every text, the key (0) and the value (1) that
   * each layer finds there. Keys are as a cache holds them, so after their norm and rotation; the text begins at position n.
   */
  keyValues?: TensorValue | undefined;
  /** So many tokens of every text stand before its prompt, which must be the same in all; 0 where it is left out. */
  leading?: number | undefined;
}

/** dLoss/d(port) of each port in use, of the shapes of their values. */
export type Cotangents = { [port in PortName]?: Float32Array };

/** What there is to know of the ports in use before they have values. */
export interface PortUse {
  ports: readonly PortName[];
  /** n: positions in front of every text. */
  promptLength: number;
}

/** Sizes of `keyValues` beside its length. */
export interface KeyValueSizes {
  layers: number;
  keyValueHeads: number;
  headSize: number;
}

/** The ports that have values; none for the model alone. */
export function portsOf(values: PortValues | undefined): PortName[] {
  return portNames.filter((port) => values?.[port]);
}

/** @throws RangeError where two ports are to stand in front of the texts */
export function portUse(values: PortValues | undefined): PortUse {
  const ports = portsOf(values);
  const [front, second] = fronts.filter((port) => ports.includes(port));
  if (second) throw new RangeError(`${front} and ${second} cannot both stand in front of the texts.`);
  const axis = front === "rowPrompts" ? 1 : 0;
  return { ports, promptLength: front ? values![front]!.shape[axis]! : 0 };
}

/** @throws RangeError unless just the `ports` have values, those of rows for a batch of this size */
export function portUseFor(ports: readonly PortName[], values: PortValues, batch: number): PortUse {
  const use = portUse(values);
  const given = new Set(use.ports);
  if (given.size !== ports.length || !ports.every((port) => given.has(port))) {
    throw new RangeError(`Values for ${use.ports.join(", ")} were given to a function of ${ports.join(", ")}.`);
  }
  requireRows(values, batch);
  return use;
}

/** @throws RangeError unless each row of a batch has its prompt */
export function requireRows({ rowPrompts }: PortValues, batch: number): void {
  const rows = rowPrompts?.shape[0] ?? batch;
  if (rows !== batch) throw new RangeError(`There are ${rows} row prompts for ${batch} rows.`);
}

/** @throws OPTION_INVALID where a model has no such port */
export function requirePorts(
  offered: readonly PortName[],
  wanted: readonly PortName[],
  modelType: string,
  reasons: Partial<Record<PortName, string>> = {},
): void {
  const missing = wanted.find((port) => !offered.includes(port));
  if (!missing) return;
  const reason = reasons[missing];
  throw new UlptError("OPTION_INVALID", `A ${modelType} has no port ${missing}${reason ? `: ${reason}` : ""}.`, {
    where: "method",
    expected: `a method that needs none but ${offered.join(", ")}`,
    hint: "Choose another method, or another model.",
  });
}

/** The tokens that stand before a prompt. @throws RangeError unless all texts begin with the same ones */
export function leadingTokens(
  { leading = 0, prompt, rowPrompts }: PortValues,
  sources: readonly (readonly number[])[],
): readonly number[] {
  if (leading > 0 && !prompt && !rowPrompts) throw new RangeError("There is no prompt that tokens could stand before.");
  const [first = []] = sources;
  const tokens = first.slice(0, leading);
  const isShared = sources.every((source) => tokens.every((token, i) => source[i] === token));
  if (tokens.length === leading && isShared) return tokens;
  throw new RangeError(`The texts do not all begin with the same ${leading} tokens.`);
}
