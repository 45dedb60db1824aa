/** @file What `ulpt cluster` finds out and tells, a line each with `--json`. */
import { z } from "zod";
import type { Partition } from "./partitions.ts";
import type { JobWords } from "./words.ts";

/** What a job says of its compute node. */
export const clusterAnswer = z.object({
  /** The compute node. */
  host: z.string(),
  node: z.string(),
  cores: z.int(),
  devices: z.array(z.object({ device: z.string(), works: z.boolean() })),
});
export type ClusterAnswer = z.infer<typeof clusterAnswer>;

export type ClusterEvent =
  | { type: "partition"; partition: Partition }
  | { type: "submitted"; job: number }
  | ({ type: "job" } & JobWords)
  | { type: "silent"; why: string; seconds: number }
  | { type: "answer"; answer: ClusterAnswer };
