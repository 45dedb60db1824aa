/** @file Linear least squares in float64. */
import { Matrix, QrDecomposition, SingularValueDecomposition } from "ml-matrix";

/** Below this ratio of the diagonal of R, rows are taken for dependent: QR would divide by what is rounding. */
const dependent = 1e-9;

/**
 * The X `[m, r]` that minimises ‖X·A − B‖, the shortest where several do. A `[r, d]` and B `[m, d]`, row by row. By QR of Aᵀ, of
 * which the condition is that of A itself; by singular values where rows of A depend on each other.
 */
export function solveLeastSquares(a: Float64Array, b: Float64Array, width: number): Float64Array {
  const [coefficients, values] = [columnsOf(a, width), columnsOf(b, width)];
  const solution = solve(coefficients, values).transpose();
  return Float64Array.from(solution.to1DArray());
}

/** `[rows, width]`, row by row, as the matrix `[width, rows]`. */
function columnsOf(x: Float64Array, width: number): Matrix {
  return Matrix.from1DArray(x.length / width, width, x).transpose();
}

function solve(coefficients: Matrix, values: Matrix): Matrix {
  if (coefficients.rows >= coefficients.columns) {
    const qr = new QrDecomposition(coefficients);
    const diagonal = qr.upperTriangularMatrix.diagonal().map(Math.abs);
    if (Math.min(...diagonal) > dependent * Math.max(...diagonal)) return qr.solve(values);
  }
  return new SingularValueDecomposition(coefficients, { autoTranspose: true }).solve(values);
}
