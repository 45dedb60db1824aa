/** @file Reverse mode: one walk over the differentiable operations between a scalar and what it depends on. */
import { sameShape, shapeText } from "./dims.ts";
import { accumulate } from "./raw.ts";
import { constant, graphError, scalar, type Tensor } from "./tensor.ts";

/** Operations between `output` and `wanted`, each after all it depends on; branches that reach nothing wanted are left out. */
function pathsTo(wanted: ReadonlySet<Tensor>, output: Tensor): Tensor[] {
  const reaches = new Map<Tensor, boolean>();
  const ordered: Tensor[] = [];
  const stack: { tensor: Tensor; expanded: boolean }[] = [{ tensor: output, expanded: false }];
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
 * The gradients of the scalar `output` with respect to each of `wanted`, as tensors of the same shapes.
 * What does not lie on a path from `wanted` to `output` gets no gradient and costs nothing.
 */
export function gradients(output: Tensor, wanted: readonly Tensor[]): Tensor[] {
  if (output.rank !== 0) throw graphError(`The gradient of ${output} was asked for; it must be a scalar.`);
  const path = pathsTo(new Set(wanted), output);
  const onPath = new Set(path);
  const gradientOf = new Map<Tensor, Tensor>([[output, scalar(1)]]);
  for (const tensor of path.reverse()) {
    const gradient = gradientOf.get(tensor);
    if (!gradient || !tensor.derivative) continue;
    const { inputs, vjp } = tensor.derivative;
    const inputGradients = vjp(gradient);
    for (const [index, input] of inputs.entries()) {
      const inputGradient = inputGradients[index];
      if (!inputGradient || !onPath.has(input)) continue;
      if (!sameShape(input.shape, inputGradient.shape)) {
        throw graphError(`The gradient of ${input} came out as ${shapeText(inputGradient.shape)}.`, String(tensor));
      }
      const sofar = gradientOf.get(input);
      gradientOf.set(input, sofar ? accumulate(sofar, inputGradient) : inputGradient);
    }
  }
  return wanted.map((tensor) => {
    const gradient = gradientOf.get(tensor);
    if (gradient) return gradient;
    if (!tensor.shape.every((dim) => typeof dim === "number")) {
      throw graphError(`${output} does not depend on ${tensor}.`);
    }
    return constant(new Float32Array(tensor.shape.reduce((a, b) => a * b, 1)), tensor.shape);
  });
}
