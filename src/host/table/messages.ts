/** @file What the table of all runs says, checked: a message is input from outside like any other. */
import { z } from "zod";
import { askedMarks, type FromTable } from "../../shared/runTable.ts";

const run = z.string();

const message = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  z.object({ type: z.literal("open"), run }),
  z.object({ type: z.literal("star"), run, starred: z.boolean() }),
  z.object({ type: z.literal("hide"), run, hidden: z.boolean() }),
  z.object({ type: z.literal("ask"), run, mark: z.enum(askedMarks) }),
  z.object({ type: z.literal("error"), message: z.string() }),
]) satisfies z.ZodType<FromTable>;

/** The message, or undefined for what is none. */
export function parseTableMessage(value: unknown): FromTable | undefined {
  return message.safeParse(value).data;
}
