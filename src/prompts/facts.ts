/** @file What people are told of a method with its settings: what it trains and freezes, how fast, and where it starts. */
import {
  elementCount,
  type MethodFact,
  type ParameterGroup,
  type ParameterValues,
  type PromptMethod,
} from "./method.ts";
import { viewedRows } from "./prompt.ts";

/** @param start the parameters before the first step */
export async function methodFacts(method: PromptMethod, start: ParameterValues): Promise<MethodFact[]> {
  const { parameters, frozen, groups = [] } = method;
  const shapes = Object.entries(parameters);
  const [rows] = await viewedRows(method, [start]);
  return [
    ...shapes.map(([name, shape]) => ({ name: `trained: ${name}`, value: sizeText(shape) })),
    ...groups.map((group) => ({ name: `learning rate: ${group.parameters.join(", ")}`, value: rateText(group) })),
    ...Object.entries(frozen).map(([name, { origin }]) => ({
      name: `frozen: ${name}`,
      value: `${origin.distribution}, seed ${origin.seed}, not stored`,
    })),
    ...(rows!.length === 0
      ? []
      : [{ name: "spread of the start", value: String(Number(deviation(rows!).toPrecision(3))) }]),
    ...(method.facts?.() ?? []),
  ];
}

/** `100 × 64 = 6400` */
function sizeText(shape: readonly number[]): string {
  return shape.length === 1 ? String(shape[0]) : `${shape.join(" × ")} = ${elementCount(shape)}`;
}

function rateText({ learningRate }: ParameterGroup): string {
  return "peak" in learningRate ? String(learningRate.peak) : `${learningRate.factor} times the run's`;
}

/** Of the numbers themselves, not of a sample. */
function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
