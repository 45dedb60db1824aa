/**
 * @file The part of ONNX's protocol-buffer schema that we write
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; field numbers are the format's).
 */
import protobuf from "protobufjs";

const schema = `
syntax = "proto2";
message StringStringEntry { optional string key = 1; optional string value = 2; }
message Attribute {
  optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; optional Graph g = 6;
  repeated float floats = 7; repeated int64 ints = 8; optional int32 type = 20;
}
message Tensor {
  repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; optional bytes raw_data = 9;
  repeated StringStringEntry external_data = 13; optional int32 data_location = 14;
}
message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
message TensorShape { repeated Dimension dim = 1; }
message TensorType { optional int32 elem_type = 1; optional TensorShape shape = 2; }
message Type { oneof value { TensorType tensor_type = 1; } }
message ValueInfo { optional string name = 1; optional Type type = 2; }
message Node {
  repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
  repeated Attribute attribute = 5; optional string domain = 7;
}
message Graph {
  repeated Node node = 1; optional string name = 2; repeated Tensor initializer = 5;
  repeated ValueInfo input = 11; repeated ValueInfo output = 12; repeated ValueInfo value_info = 13;
}
message OperatorSet { optional string domain = 1; optional int64 version = 2; }
message Model {
  optional int64 ir_version = 1; repeated OperatorSet opset_import = 8; optional string producer_name = 2;
  optional Graph graph = 7;
}`;

const root = protobuf.parse(schema, { keepCase: true }).root;

export const dataType = { float32: 1, uint8: 2, int8: 3, int64: 7, bool: 9, float16: 10, bfloat16: 16 } as const;
export const attributeType = { float: 1, int: 2, string: 3, graph: 5, floats: 6, ints: 7 } as const;
/** `TensorProto.DataLocation.EXTERNAL` */
export const externalLocation = 1;
export const irVersion = 9;
export const opsetVersion = 18;
/** Of the operators that onnxruntime has beside ONNX's, and the one version of it. */
export const engineDomain = "com.microsoft";
const engineDomainVersion = 1;

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  g?: GraphProto;
  ints?: readonly number[];
}

export interface NodeProto {
  name: string;
  op_type: string;
  input: string[];
  output: string[];
  attribute: AttributeProto[];
  /** Where the operator is none of ONNX's own. */
  domain?: string;
}

export interface TensorProto {
  name: string;
  data_type: number;
  dims: readonly number[];
  raw_data?: Uint8Array;
  external_data?: { key: string; value: string }[];
  data_location?: number;
}

export type DimensionProto = { dim_value: number } | { dim_param: string };

export interface ValueInfoProto {
  name: string;
  /** Of a tensor without a shape its rank is left open. */
  type: { tensor_type: { elem_type: number; shape?: { dim: DimensionProto[] } } };
}

export interface GraphProto {
  name: string;
  node: NodeProto[];
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
  /** The shapes of what its nodes compute. */
  value_info: ValueInfoProto[];
}

function usesEngineDomain({ node }: GraphProto): boolean {
  return node.some(
    ({ domain, attribute }) =>
      domain === engineDomain || attribute.some(({ g }) => g !== undefined && usesEngineDomain(g)),
  );
}

/** The bytes of an `.onnx` model. */
export function encodeModel(graph: GraphProto): Uint8Array {
  const model = root.lookupType("Model");
  return model
    .encode(
      model.create({
        ir_version: irVersion,
        producer_name: "ulpt-lab",
        opset_import: [
          { domain: "", version: opsetVersion },
          ...(usesEngineDomain(graph) ? [{ domain: engineDomain, version: engineDomainVersion }] : []),
        ],
        graph,
      }),
    )
    .finish();
}
