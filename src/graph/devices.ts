/** @file The devices a graph can run on. */
export const devices = ["cpu", "webgpu", "cuda", "dml", "coreml"] as const;
export type Device = (typeof devices)[number];
