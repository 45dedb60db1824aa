/**
 * @file Differentiable operations: each function holds its forward computation and its vector-Jacobian product side by side.
 * In the products, `dy` is the gradient of the loss with respect to the operation's result.
 */
import { addDims, type Dim, multiplyDims, type Shape, sameDim, shapeText } from "./dims.ts";
import { vjp } from "./gradient.ts";
import * as raw from "./raw.ts";
import { differentiable, graphError, scalar, Tensor } from "./tensor.ts";

/** Sums a gradient over the axes along which `shape` was broadcast. */
function unbroadcast(gradient: Tensor, shape: Shape): Tensor {
  const extra = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((dim, axis) => {
    const original = axis < extra ? undefined : shape[axis - extra]!;
    return original === undefined || (original === 1 && !sameDim(dim, 1)) ? [axis] : [];
  });
  if (axes.length === 0) return gradient;
  return raw.reshape(raw.reduceSum(gradient, axes), shape);
}

/** `a + b` with broadcasting. */
export function add(a: Tensor, b: Tensor): Tensor {
  return differentiable(raw.add(a, b), [a, b], (dy) => [unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)]);
}

/** `a · b` element-wise with broadcasting. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  return differentiable(raw.multiply(a, b), [a, b], (dy) => [
    unbroadcast(raw.multiply(dy, b), a.shape),
    unbroadcast(raw.multiply(dy, a), b.shape),
  ]);
}

export function scale(x: Tensor, factor: number): Tensor {
  return differentiable(raw.scale(x, factor), [x], (dy) => [raw.scale(dy, factor)]);
}

/** The sum of all elements, a scalar. */
export function sum(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return differentiable(raw.reduceSum(x, axes, false), [x], (dy) => [raw.expand(dy, x.shape)]);
}

export function reshape(x: Tensor, shape: Shape): Tensor {
  return differentiable(raw.reshape(x, shape), [x], (dy) => [raw.reshape(dy, x.shape)]);
}

export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return differentiable(raw.transpose(x, permutation), [x], (dy) => [raw.transpose(dy, inverse)]);
}

/** Repeats `x` along its axes of size 1 (and new leading axes) to fill `shape`. */
export function expand(x: Tensor, shape: Shape): Tensor {
  return differentiable(raw.expand(x, shape), [x], (dy) => [unbroadcast(dy, x.shape)]);
}

export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  return differentiable(raw.concat(tensors, axis), tensors, (dy) => {
    let begin: Dim = 0;
    return tensors.map((tensor) => {
      const part = raw.slice(dy, axis, begin, tensor.shape[axis]!);
      begin = addDims(begin, tensor.shape[axis]!);
      return part;
    });
  });
}

/** Matrix product over the last two axes. `[…, M, K] × […, K, N] → […, M, N]`; leading axes broadcast. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  return differentiable(raw.matmul(a, b), [a, b], (dy) => [
    unbroadcast(raw.matmul(dy, raw.transposeLast(b)), a.shape),
    unbroadcast(raw.matmul(raw.transposeLast(a), dy), b.shape),
  ]);
}

/** How a dense layer's weight lies in its file: `[out, in]` as in torch's Linear, or `[in, out]` as in GPT-2's Conv1D. */
export type DenseLayout = "out-in" | "in-out";

export interface DenseOptions {
  layout?: DenseLayout | undefined;
  /** Of x, where the weight is of integers. */
  rounding?: raw.Rounding | undefined;
  /** Of the gradient that comes back, where the weight is of integers. */
  gradientRounding?: raw.Rounding | undefined;
}

/**
 * A dense layer: `x·Wᵀ (+ addend)`, or `x·W` for a weight that is stored `[in, out]`. x `[N, in]`; the addend, a bias `[out]` or a
 * residual `[N, out]`, is part of the same product → `[N, out]`
 */
export function linear(x: Tensor, weight: Tensor, addend?: Tensor, options: DenseOptions = {}): Tensor {
  const { layout = "out-in", rounding = "by range", gradientRounding = "once" } = options;
  const stored = layout === "out-in";
  const value = raw.gemm(x, weight, { transposeB: stored, rounding, ...(addend && { c: addend }) });
  return differentiable(value, addend ? [x, weight, addend] : [x, weight], (dy) => [
    raw.gemm(dy, weight, { transposeB: !stored, rounding: gradientRounding }),
    stored ? raw.gemm(dy, x, { transposeA: true }) : raw.gemm(x, dy, { transposeA: true }),
    addend && unbroadcast(dy, addend.shape),
  ]);
}

/**
 * `compute(inputs)`, of whose intermediate values nothing is kept for its gradient: they are computed again when that is asked for, from
 * the inputs, which are kept (gradient checkpointing, Chen et al. 2016). Value and gradient are the same numbers.
 * @param compute called again for the gradient; what it reads beside its inputs gets none
 */
export function recomputed(inputs: readonly Tensor[], compute: (inputs: readonly Tensor[]) => Tensor): Tensor {
  return differentiable(compute(inputs), inputs, (dy) => {
    const again = inputs.map((x) => raw.after(x, dy));
    return vjp([compute(again)], [dy], again);
  });
}

type Activation = (x: Tensor) => Tensor;

/** `activate(x)`, of which x alone is kept: computing it again for the gradient takes next to nothing. */
export function activated(activate: Activation, x: Tensor): Tensor {
  if (activate === relu) return relu(x); // its gradient needs only its result
  return recomputed([x], ([again]) => activate(again!));
}

/** `activate(gate) · x` (gated linear units, Shazeer 2020), of which gate and x alone are kept. */
export function gated(activate: Activation, gate: Tensor, x: Tensor): Tensor {
  return recomputed([gate, x], ([gateAgain, again]) => multiply(activate(gateAgain!), again!));
}

/** `max(x, 0)` */
export function relu(x: Tensor): Tensor {
  const y = raw.relu(x);
  return differentiable(y, [x], (dy) => [raw.multiply(dy, raw.isPositive(y))]);
}

export function tanh(x: Tensor): Tensor {
  const y = raw.tanh(x);
  return differentiable(y, [x], (dy) => [raw.multiply(dy, raw.subtract(scalar(1), raw.multiply(y, y)))]);
}

/** `exp(x) / Σ exp(x)` over the last axis. */
export function softmax(x: Tensor): Tensor {
  const y = raw.softmax(x);
  return differentiable(y, [x], (dy) => [raw.multiply(y, raw.subtract(dy, raw.reduceSum(raw.multiply(dy, y), [-1])))]);
}

/** GELU by its tanh approximation (Hendrycks and Gimpel 2016), `gelu_new` in Transformers. */
export function geluTanh(x: Tensor): Tensor {
  const c = Math.sqrt(2 / Math.PI);
  const cubic = 0.044715;
  const square = raw.multiply(x, x);
  const t = raw.tanh(raw.multiply(raw.scale(x, c), raw.add(raw.scale(square, cubic), scalar(1))));
  const half = raw.scale(raw.add(t, scalar(1)), 0.5);
  return differentiable(raw.multiply(x, half), [x], (dy) => {
    const sech2 = raw.subtract(scalar(1), raw.multiply(t, t));
    const inner = raw.scale(raw.add(raw.scale(square, 3 * cubic), scalar(1)), c / 2);
    return [raw.multiply(dy, raw.add(half, raw.multiply(raw.multiply(x, sech2), inner)))];
  });
}

/** GELU (Hendrycks and Gimpel 2016): `x · Φ(x)` with the normal distribution's Φ. */
export function gelu(x: Tensor): Tensor {
  const cdf = raw.scale(raw.add(raw.erf(raw.scale(x, Math.SQRT1_2)), scalar(1)), 0.5);
  return differentiable(raw.multiply(x, cdf), [x], (dy) => {
    const density = raw.scale(raw.exp(raw.scale(raw.multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [raw.multiply(dy, raw.add(cdf, raw.multiply(x, density)))];
  });
}

/** SiLU, also called swish: `x · sigmoid(x)`. */
export function silu(x: Tensor): Tensor {
  const s = raw.sigmoid(x);
  const y = raw.multiply(x, s);
  // d/dx = s + x·s·(1 − s) = s + y·(1 − s)
  return differentiable(y, [x], (dy) => [raw.multiply(dy, raw.add(s, raw.multiply(y, raw.subtract(scalar(1), s))))]);
}

/** `cap · tanh(x / cap)`: keeps values between −cap and cap (Gemma 2). */
export function softCap(x: Tensor, cap: number): Tensor {
  const t = raw.tanh(raw.scale(x, 1 / cap));
  return differentiable(raw.scale(t, cap), [x], (dy) => [
    raw.multiply(dy, raw.subtract(scalar(1), raw.multiply(t, t))),
  ]);
}

/** `x[begin : begin + length]` along one axis. The gradients of neighbouring slices are joined, not added. */
export function slice(x: Tensor, axis: number, begin: Dim, length: Dim): Tensor {
  const after = addDims(x.shape[axis]!, multiplyDims(addDims(begin, length), -1));
  return differentiable(raw.slice(x, axis, begin, length), [x], (dy) => [raw.place(dy, axis, begin, after)]);
}

/** Root-mean-square normalisation (Zhang and Sennrich 2019): `x / sqrt(mean(x²) + epsilon) · weight`. x `[N, d]`, weight `[d]` */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  const size = x.shape.at(-1);
  if (typeof size !== "number") throw graphError(`rmsNorm: the last axis of ${shapeText(x.shape)} must be known.`);
  return differentiable(raw.simplifiedLayerNormalization(x, weight, epsilon), [x, weight], (dy) => {
    const meanSquare = raw.scale(raw.reduceSumSquare(x, [-1]), 1 / size);
    const inverse = raw.divide(scalar(1), raw.sqrt(raw.add(meanSquare, scalar(epsilon)))); // [N, 1]
    const scaled = raw.multiply(dy, weight);
    const projection = raw.scale(raw.reduceSum(raw.multiply(scaled, x), [-1]), 1 / size); // [N, 1]
    const along = raw.multiply(x, raw.multiply(projection, raw.multiply(inverse, inverse)));
    return [
      raw.multiply(raw.subtract(scaled, along), inverse),
      unbroadcast(raw.multiply(dy, raw.multiply(x, inverse)), weight.shape),
    ];
  });
}

/**
 * Layer normalisation (Ba et al. 2016): `(x − mean) / sqrt(var + epsilon) · weight + bias` over the last axis.
 * x `[…, d]`, weight and bias `[d]`; the bias may be left out.
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor | undefined, epsilon: number): Tensor {
  const size = x.shape.at(-1);
  if (typeof size !== "number") throw graphError(`layerNorm: the last axis of ${shapeText(x.shape)} must be known.`);
  const value = raw.layerNormalization(x, weight, bias, epsilon);
  return differentiable(value, bias ? [x, weight, bias] : [x, weight], (dy) => {
    const mean = (y: Tensor) => raw.scale(raw.reduceSum(y, [-1]), 1 / size);
    const centred = raw.subtract(x, mean(x));
    const variance = raw.scale(raw.reduceSumSquare(centred, [-1]), 1 / size);
    const inverse = raw.divide(scalar(1), raw.sqrt(raw.add(variance, scalar(epsilon))));
    const normed = raw.multiply(centred, inverse);
    const scaled = raw.multiply(dy, weight);
    const along = raw.multiply(normed, mean(raw.multiply(scaled, normed)));
    return [
      raw.multiply(raw.subtract(raw.subtract(scaled, mean(scaled)), along), inverse),
      unbroadcast(raw.multiply(dy, normed), weight.shape),
      bias && unbroadcast(dy, bias.shape),
    ];
  });
}

export interface AttentionOptions {
  /** Scores become `cap·tanh(scores / cap)`. */
  cap?: number | undefined;
  /** Multiplies the probabilities, `[…, Q, K]` as they are: dropout's mask, of which there is no gradient. */
  keep?: Tensor | undefined;
}

/**
 * `softmax(q·kᵀ + bias)·v`, unscaled as in T5. q `[…, Q, e]`, k `[…, K, e]`, v `[…, K, f]`, bias broadcastable to `[…, Q, K]` →
 * `[…, Q, f]`. With an axis more, q `[…, R, Q, e]` holds R queries for each key head (Ainslie et al. 2023); then the bias
 * broadcasts to `[…, R, Q, K]` and the result is `[…, R, Q, f]`. With a cap, the scores become `cap·tanh(scores / cap)`.
 * The backward pass uses `Σ dP∘P = Σ dO∘O` (Dao et al. 2022, appendix B), which is a sum over f instead of K.
 */
export function attention(
  queries: Tensor,
  k: Tensor,
  v: Tensor,
  bias?: Tensor,
  { cap, keep }: AttentionOptions = {},
): Tensor {
  const grouped = queries.rank === k.rank + 1;
  const leading = k.shape.slice(0, -2);
  const rows: Shape = queries.shape.slice(leading.length, -1); // [R, Q] or [Q]
  const merged = multiplyDims(...rows);
  // The queries of one key head are one matrix: [R·Q, e]·[e, K] instead of R small products.
  const merge = (x: Tensor) => (grouped ? raw.reshape(x, [...leading, merged, x.shape.at(-1)!]) : x);
  const part = (x: Tensor) => (grouped ? raw.reshape(x, [...leading, ...rows, x.shape.at(-1)!]) : x);
  const kept = (x: Tensor) => (keep ? raw.multiply(x, merge(keep)) : x);

  const q = merge(queries);
  const products = raw.matmul(q, raw.transposeLast(k));
  const bent = cap === undefined ? undefined : raw.tanh(raw.scale(products, 1 / cap));
  const scores = bent ? raw.scale(bent, cap!) : products;
  const probabilities = raw.softmax(bias ? merge(raw.add(part(scores), bias)) : scores);
  const weights = kept(probabilities);
  const output = raw.matmul(weights, v);
  return differentiable(part(output), bias ? [queries, k, v, bias] : [queries, k, v], (dy) => {
    const dOutput = merge(dy);
    const delta = raw.reduceSum(raw.multiply(dOutput, output), [-1]);
    const dBent = raw.multiply(probabilities, raw.subtract(kept(raw.matmul(dOutput, raw.transposeLast(v))), delta));
    const dScores = bent ? raw.multiply(dBent, raw.subtract(scalar(1), raw.multiply(bent, bent))) : dBent;
    // dKᵀ = qᵀ·dS and dVᵀ = dOᵀ·P: these transpose the narrow [Q, e] matrices, not the [Q, K] ones.
    const dk = raw.transposeLast(raw.matmul(raw.transposeLast(q), dScores));
    const dv = raw.transposeLast(raw.matmul(raw.transposeLast(dOutput), weights));
    return [part(raw.matmul(dScores, k)), dk, dv, bias && unbroadcast(part(dBent), bias.shape)];
  });
}

/**
 * Rotary position embedding (Su et al. 2021): the first `r` numbers of each head are turned in pairs. x `[N, H, e]`; cos and sin
 * `[N, 1, r]` hold each angle twice, as the pairs lie: half and half (`neighbours` false), or side by side. Frozen tables.
 */
export function rotary(x: Tensor, cos: Tensor, sin: Tensor, neighbours = false): Tensor {
  const [count, heads, size] = x.shape as [Dim, Dim, number];
  const turned = cos.shape.at(-1) as number;
  const half = turned / 2;
  /** `[−x2, x1]` for a pair `[x1, x2]`, times `sign`. */
  const quarterTurn = (y: Tensor, sign: 1 | -1): Tensor => {
    if (!neighbours) {
      const [first, second] = [raw.slice(y, 2, 0, half), raw.slice(y, 2, half, half)];
      return raw.concat(sign > 0 ? [raw.scale(second, -1), first] : [second, raw.scale(first, -1)], 2);
    }
    const pairs = raw.reshape(y, [count, heads, half, 2]);
    const [first, second] = [raw.slice(pairs, 3, 0, 1), raw.slice(pairs, 3, 1, 1)];
    const swapped = raw.concat(sign > 0 ? [raw.scale(second, -1), first] : [second, raw.scale(first, -1)], 3);
    return raw.reshape(swapped, [count, heads, turned]);
  };
  const apply = (y: Tensor, sign: 1 | -1): Tensor => {
    const part = turned === size ? y : raw.slice(y, 2, 0, turned);
    const result =
      sign > 0
        ? raw.add(raw.multiply(part, cos), raw.multiply(quarterTurn(part, 1), sin))
        : raw.add(raw.multiply(part, cos), quarterTurn(raw.multiply(part, sin), -1));
    return turned === size ? result : raw.concat([result, raw.slice(y, 2, turned, size - turned)], 2);
  };
  return differentiable(apply(x, 1), [x, cos, sin], (dy) => [apply(dy, -1), undefined, undefined]);
}

/** Rows of `table` `[V, d]` picked by integer ids `[…]` → `[…, d]`. */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  const [vocabulary, width] = table.shape;
  if (typeof vocabulary !== "number") throw graphError(`embedding: the size of ${table} must be known.`);
  return differentiable(raw.gather(table, ids), [table, ids], (dy) => {
    const count = multiplyDims(...ids.shape);
    // A product with one-hot rows instead of a scatter: its order of summation is fixed, so training repeats bit for bit.
    const hot = raw.oneHot(raw.reshape(ids, [count]), vocabulary); // [count, V]
    return [raw.gemm(hot, raw.reshape(dy, [count, width!]), { transposeA: true }), undefined];
  });
}

/**
 * As `embedding`, of a table that nothing else in the graph reads: it stays in its file, of which the session reads these rows alone. Where
 * the table is no weight, or the ids are computed, the engine picks them.
 */
export function rowsOf(table: Tensor, ids: Tensor): Tensor {
  const { source } = table;
  if (source.kind !== "weight" || !source.openRows || ids.source.kind !== "input") return embedding(table, ids);
  const name = `${source.name}[${ids.source.name}]`;
  const rows = { table, ids, open: source.openRows };
  return new Tensor("float32", [...ids.shape, table.shape[1]!], { kind: "input", name, rows });
}

/** Rows of `x` `[N, d]` at `indices` `[M]` → `[M, d]`. */
export function selectRows(x: Tensor, indices: Tensor): Tensor {
  return differentiable(raw.gather(x, indices), [x, indices], (dy) => {
    const zeros = raw.expand(scalar(0), x.shape);
    const positions = raw.expand(raw.reshape(indices, [indices.shape[0]!, 1]), dy.shape);
    return [raw.scatterAdd(zeros, positions, dy, 0), undefined];
  });
}

/**
 * Cross-entropy of a softmax over the last axis: `loss = Σ_i weights_i · (−log softmax(logits_i)[targets_i])`.
 * logits `[M, V]`, targets `[M]` int64, weights `[M]` → loss (scalar, differentiable) and each row's negative log-likelihood `[M]`.
 */
export function crossEntropy(
  logits: Tensor,
  targets: Tensor,
  weights: Tensor,
): { loss: Tensor; negativeLogLikelihood: Tensor } {
  const [count] = logits.shape;
  const shifted = raw.subtract(logits, raw.reduceMax(logits, [-1]));
  const exponentials = raw.exp(shifted);
  const total = raw.reduceSum(exponentials, [-1]); // [M, 1]
  const column = raw.reshape(targets, [count!, 1]);
  const nll = raw.subtract(raw.log(total), raw.gatherElements(shifted, column, 1)); // [M, 1]
  const weightColumn = raw.reshape(weights, [count!, 1]);
  const value = raw.reduceSum(raw.multiply(nll, weightColumn), [0, 1], false);
  const loss = differentiable(value, [logits, targets, weights], (dy) => {
    const minusOne = raw.expand(scalar(-1), column.shape);
    const difference = raw.scatterAdd(raw.divide(exponentials, total), column, minusOne, 1); // softmax − one-hot
    return [raw.multiply(difference, raw.multiply(weightColumn, dy)), undefined, undefined];
  });
  return { loss, negativeLogLikelihood: raw.reshape(nll, [count!]) };
}

/** `x·W` for each head. x `[H, N, a]`, weight `[H, a, b]` → `[H, N, b]` */
export function perHead(x: Tensor, weight: Tensor): Tensor {
  return differentiable(raw.perHead(x, weight), [x, weight], (dy) => [
    raw.perHeadTransposed(dy, weight),
    raw.matmul(raw.transposeLast(x), dy),
  ]);
}

/** `x·Wᵀ` for each head. x `[H, N, b]`, weight `[H, a, b]` → `[H, N, a]` */
export function perHeadTransposed(x: Tensor, weight: Tensor): Tensor {
  return differentiable(raw.perHeadTransposed(x, weight), [x, weight], (dy) => [
    raw.perHead(dy, weight),
    raw.matmul(raw.transposeLast(dy), x),
  ]);
}

/**
 * `attention(q, memory, memory, bias)` where keys and values are the same wide rows and there are few queries.
 * q `[B, Q, d]`, memory `[B, K, d]`, bias broadcastable to `[B, Q, K]` → `[B, Q, d]`
 */
export function attentionOverMemory(
  q: Tensor,
  memory: Tensor,
  bias: Tensor,
  { keep }: Pick<AttentionOptions, "keep"> = {},
): Tensor {
  const kept = (x: Tensor) => (keep ? raw.multiply(x, keep) : x);
  const probabilities = raw.softmax(raw.add(raw.matmul(q, raw.transposeLast(memory)), bias));
  const weights = kept(probabilities);
  const output = raw.matmul(weights, memory);
  return differentiable(output, [q, memory, bias], (dy) => {
    const delta = raw.reduceSum(raw.multiply(dy, output), [-1]);
    const dScores = raw.multiply(probabilities, raw.subtract(kept(raw.matmul(dy, raw.transposeLast(memory))), delta));
    // dSᵀ·q + Pᵀ·dO as one product over both halves of the queries.
    const left = raw.transposeLast(raw.concat([dScores, weights], 1));
    return [raw.matmul(dScores, memory), raw.matmul(left, raw.concat([q, dy], 1)), unbroadcast(dScores, bias.shape)];
  });
}
