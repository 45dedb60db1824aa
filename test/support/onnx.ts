/** @file Reads back what an emitted model consists of. */
import protobuf from "protobufjs";

const schema = `
syntax = "proto2";
message Tensor { repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; }
message Node { repeated string input = 1; repeated string output = 2; optional string op_type = 4; }
message Graph { repeated Node node = 1; repeated Tensor initializer = 5; }
message Model { optional Graph graph = 7; }`;

const model = protobuf.parse(schema, { keepCase: true }).root.lookupType("Model");

export interface DecodedNode {
  input: string[];
  output: string[];
  op_type: string;
}

export interface DecodedGraph {
  node: DecodedNode[];
  initializer: { name: string }[];
}

export function decodeGraph(bytes: Uint8Array): DecodedGraph {
  const decoded = model.toObject(model.decode(bytes), { arrays: true }) as unknown as { graph: DecodedGraph };
  return decoded.graph;
}

/** How many nodes there are of each operator, the Identity of each output left out. */
export function operatorCounts(bytes: Uint8Array): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op_type } of decodeGraph(bytes).node) {
    if (op_type !== "Identity") counts[op_type] = (counts[op_type] ?? 0) + 1;
  }
  return counts;
}
