/** @file Reverse mode: one walk over the differentiable operations between outputs and what they depend on. */
import { sameShape, shapeText } from "./dims.ts";
import { accumulate } from "./raw.ts";
import { constant, graphError, scalar, type Tensor } from "./tensor.ts";

/** Operations between `outputs` and `wanted`, each after all it depends on; branches that reach nothing wanted are left out. */
function pathsTo(wanted: ReadonlySet<Tensor>, outputs: readonly Tensor[]): Tensor[] {
  const reaches = new Map<Tensor, boolean>();
  const ordered: Tensor[] = [];
  const stack = outputs.map((tensor) => ({ tensor, expanded: false })).reverse();
  while (stack.length) {
    const top = stack.pop()!;
    const { tensor } = top;
    if (reaches.has(tensor)) continue;
    const inputs = tensor.derivative?.inputs ?? [];
    if (top.expanded) {
      const reached = wanted.has(tensor) || inputs.some((input) => reaches.get(input));
      reaches.set(tensor, reached);
      if (reached) ordered.push(tensor);
    } else {
      stack.push({ tensor, expanded: true });
      for (const input of inputs) if (!reaches.has(input)) stack.push({ tensor: input, expanded: false });
    }
  }
  return ordered;
}

/**
 * The vector-Jacobian product: for each of `wanted` the gradient of `Σᵢ Σ outputsᵢ∘cotangentsᵢ`, as a tensor of the same shape.
 * What does not lie on a path from `wanted` to an output gets no gradient and costs nothing.
 * @param cotangents of the shapes of `outputs`, in their order
 */
export function vjp(outputs: readonly Tensor[], cotangents: readonly Tensor[], wanted: readonly Tensor[]): Tensor[] {
  const gradientOf = new Map<Tensor, Tensor>();
  const give = (tensor: Tensor, gradient: Tensor, from: string) => {
    if (!sameShape(tensor.shape, gradient.shape)) {
      throw graphError(`The gradient of ${tensor} came out as ${shapeText(gradient.shape)}.`, from);
    }
    const sofar = gradientOf.get(tensor);
    gradientOf.set(tensor, sofar ? accumulate(sofar, gradient) : gradient);
  };
  const path = pathsTo(new Set(wanted), outputs);
  const onPath = new Set(path);
  for (const [index, output] of outputs.entries()) give(output, cotangents[index]!, "cotangents");
  for (const tensor of path.reverse()) {
    const gradient = gradientOf.get(tensor);
    if (!gradient || !tensor.derivative) continue;
    const { inputs, vjp: pullBack } = tensor.derivative;
    const inputGradients = pullBack(gradient);
    for (const [index, input] of inputs.entries()) {
      const inputGradient = inputGradients[index];
      if (inputGradient && onPath.has(input)) give(input, inputGradient, String(tensor));
    }
  }
  return wanted.map((tensor) => {
    const gradient = gradientOf.get(tensor);
    if (gradient) return gradient;
    if (!tensor.shape.every((dim) => typeof dim === "number")) {
      throw graphError(`${outputs.join(", ")} does not depend on ${tensor}.`);
    }
    return constant(new Float32Array(tensor.shape.reduce((a, b) => a * b, 1)), tensor.shape);
  });
}

/** The gradients of the scalar `output` with respect to each of `wanted`, as tensors of the same shapes. */
export function gradients(output: Tensor, wanted: readonly Tensor[]): Tensor[] {
  if (output.rank !== 0) throw graphError(`The gradient of ${output} was asked for; it must be a scalar.`);
  return vjp([output], [scalar(1)], wanted);
}
