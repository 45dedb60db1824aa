/** @file Sizes of tensor axes: numbers, or integer polynomials in symbols that get their value when the graph runs. */

/** A size known when the graph is built, or one that depends on the shapes of the inputs it runs with. */
export type Dim = number | SymbolicDim;
export type Shape = readonly Dim[];

/** Symbols of one product, sorted and joined by `*`; the empty string is the constant term. */
type Monomial = string;

/** A polynomial with integer coefficients, such as `batch*prompt + batch*source`. */
export class SymbolicDim {
  readonly terms: ReadonlyMap<Monomial, number>;

  private constructor(terms: ReadonlyMap<Monomial, number>) {
    this.terms = terms;
  }

  static of(terms: ReadonlyMap<Monomial, number>): Dim {
    const kept = new Map([...terms].filter(([, factor]) => factor !== 0).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (kept.size === 0) return 0;
    if (kept.size === 1 && kept.has("")) return kept.get("")!;
    return new SymbolicDim(kept);
  }

  /** Canonical text: two dims are equal exactly if their texts are. */
  toString(): string {
    return [...this.terms]
      .map(([monomial, factor]) => (monomial === "" ? `${factor}` : factor === 1 ? monomial : `${factor}*${monomial}`))
      .join("+");
  }

  /** The symbol's name if this dim is a single symbol. */
  get symbol(): string | undefined {
    const text = this.toString();
    return /^[A-Za-z_]\w*$/.test(text) ? text : undefined;
  }
}

/** A new symbolic size; the name must be an identifier. */
export function symbol(name: string): Dim {
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new RangeError(`"${name}" is not a name for a size.`);
  return SymbolicDim.of(new Map([[name, 1]]));
}

function termsOf(dim: Dim): ReadonlyMap<Monomial, number> {
  return typeof dim === "number" ? new Map([["", dim]]) : dim.terms;
}

export function addDims(...dims: readonly Dim[]): Dim {
  const sum = new Map<Monomial, number>();
  for (const dim of dims) {
    for (const [monomial, factor] of termsOf(dim)) sum.set(monomial, (sum.get(monomial) ?? 0) + factor);
  }
  return SymbolicDim.of(sum);
}

export function multiplyDims(...dims: readonly Dim[]): Dim {
  return dims.reduce((left, right) => {
    const product = new Map<Monomial, number>();
    for (const [a, factorA] of termsOf(left)) {
      for (const [b, factorB] of termsOf(right)) {
        const monomial = [...a.split("*"), ...b.split("*")].filter(Boolean).sort().join("*");
        product.set(monomial, (product.get(monomial) ?? 0) + factorA * factorB);
      }
    }
    return SymbolicDim.of(product);
  }, 1);
}

export function sameDim(a: Dim, b: Dim): boolean {
  return String(a) === String(b);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis]!));
}

export function shapeText(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The shape of an element-wise operation on `a` and `b` under NumPy's broadcasting rules, or undefined if they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (sameDim(left, right) || right === 1) out.push(left);
    else if (left === 1) out.push(right);
    else return undefined;
  }
  return out;
}

/** The value of a size once its symbols are known. */
export function evaluateDim(dim: Dim, symbols: Readonly<Record<string, number>>): number {
  if (typeof dim === "number") return dim;
  let total = 0;
  for (const [monomial, factor] of dim.terms) {
    const names = monomial.split("*").filter(Boolean);
    total += names.reduce((product, name) => {
      const value = symbols[name];
      if (value === undefined) throw new RangeError(`The size "${name}" has no value.`);
      return product * value;
    }, factor);
  }
  return total;
}
