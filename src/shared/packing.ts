/**
 * @file Messages to the run panel as they travel: VS Code walks every value of a message, which of thousands of runs takes seconds,
 * so runs travel as one text.
 */
import type { HostMessage, RunView } from "./panel.ts";

type WithRuns = Extract<HostMessage, { runs?: readonly RunView[] }>;

export type PackedMessage =
  | Exclude<HostMessage, WithRuns>
  | (WithRuns extends infer Message
      ? Message extends WithRuns
        ? Omit<Message, "runs"> & { runs: string | null }
        : never
      : never);

export function pack(message: HostMessage): PackedMessage {
  if (message.type !== "snapshot" && message.type !== "delta") return message;
  return { ...message, runs: message.runs ? JSON.stringify(message.runs) : null };
}

export function unpack(message: PackedMessage): HostMessage {
  if (message.type !== "snapshot" && message.type !== "delta") return message;
  const { runs, ...rest } = message;
  return runs === null ? (rest as HostMessage) : ({ ...rest, runs: JSON.parse(runs) } as HostMessage);
}
