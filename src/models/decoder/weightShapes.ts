/** @file The weights that an architecture has, by name and shape, found by building its network once. */
import { input, type Tensor } from "../../graph/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { Decoder, rotaryInputs } from "./network.ts";

/** Name → shape of every tensor that the files of such a model hold. */
export function weightShapes(architecture: Architecture): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const tensors = new Map<string, Tensor>();
  const decoder = new Decoder(architecture, ({ name, rows }, shape) => {
    shapes.set(name, rows ? [rows.of, ...shape.slice(1)] : shape);
    const key = `${name} ${rows?.begin}`;
    const known = tensors.get(key) ?? input(name, "float32", shape);
    tensors.set(key, known);
    return known;
  });
  const ids = input("input_ids", "int64", [1, 1]);
  const keys = { positions: ids, mask: input("mask", "float32", [1, 1]) };
  const { rotations } = rotaryInputs(decoder, 1);
  const { hidden } = decoder.read({
    rows: { embeddings: decoder.embed(ids), batch: 1, length: 1, keys },
    rotations,
  });
  decoder.logits(hidden);
  return shapes;
}
