/** @file A check of a cluster in words: while it goes on, and as a page. Knows no `vscode`. */
import type { ClusterEvent } from "../../launch/slurm/checkEvents.ts";
import type { RecordedError } from "../../runs/schema.ts";
import { markdownCode, markdownText } from "../../words/surfaces.ts";
import type { Translate } from "../window/translate.ts";

export interface ClusterCheck {
  /** The launch profile; undefined where the file has none. */
  profile: string | undefined;
  /** The file of the launch profiles. */
  file: string;
  events: readonly ClusterEvent[];
  /** What it ended with, unless all was well. */
  error: RecordedError | undefined;
}

/** One thing that it found out; undefined for what is only in the page. */
export function clusterEventText(event: ClusterEvent, t: Translate): string | undefined {
  if (event.type === "submitted") return t("submitted job {0}", event.job);
  if (event.type === "job") return t("the job {0}", event.text);
  if (event.type === "silent") return t("Slurm does not answer ({0}); asked again in {1} s", event.why, event.seconds);
  return undefined;
}

/** The page, as Markdown. */
export function clusterPage(check: ClusterCheck, t: Translate): string {
  const parts = [`# ${t("ULPT Lab: cluster")}`, verdict(check, t), ...partitions(check, t), ...course(check, t)];
  return `${[...parts, ...profileUse(check, t)].join("\n\n")}\n`;
}

function verdict({ events, error }: ClusterCheck, t: Translate): string {
  const answer = events.find((event) => event.type === "answer")?.answer;
  if (answer) {
    const working = answer.devices.filter(({ works }) => works).map(({ device }) => device);
    const node = markdownText(answer.host);
    const sees = t("{0} sees this folder, Node.js {1} and the runtime.", node, markdownText(answer.node));
    const devices = working.length
      ? t("It has {0} cores; these devices work there: {1}.", answer.cores, markdownText(working.join(", ")))
      : t("It has {0} cores; no device works there.", answer.cores);
    return `${t("The cluster trains: a job ran to its end.")}\n\n${sees} ${devices}`;
  }
  if (!error) return t("The check ended without an answer.");
  const { message, where, expected, hint } = error;
  const facts = [
    ...(where ? [t("Where: {0}", markdownText(where))] : []),
    ...(expected ? [t("Expected: {0}", markdownText(expected))] : []),
    ...(hint ? [t("To do: {0}", markdownText(hint))] : []),
  ];
  const list = facts.length ? `\n\n${facts.map((fact) => `- ${fact}`).join("\n")}` : "";
  return `${t("The cluster does not train yet.")}\n\n${markdownText(message)}${list}`;
}

function partitions({ events }: ClusterCheck, t: Translate): string[] {
  const found = events.flatMap((event) => (event.type === "partition" ? [event.partition] : []));
  if (found.length === 0) return [];
  const rows = found.map(({ name, available, timeLimit, nodes }) => [
    markdownText(name),
    markdownText(available),
    markdownText(timeLimit),
    markdownText(nodes.map(({ state, count }) => `${count} ${state}`).join(", ")),
  ]);
  const table = [[t("Partition"), t("State"), t("Longest job"), t("Nodes")], ["---", "---", "---", "---"], ...rows];
  return [`## ${t("Partitions")}`, table.map((cells) => `| ${cells.join(" | ")} |`).join("\n")];
}

function course({ events }: ClusterCheck, t: Translate): string[] {
  const lines = events.flatMap((event) => clusterEventText(event, t) ?? []);
  if (lines.length === 0) return [];
  return [`## ${t("The job")}`, lines.map((line) => `- ${markdownText(line)}`).join("\n")];
}

function profileUse({ profile, file }: ClusterCheck, t: Translate): string[] {
  const use =
    profile === undefined
      ? t("There is none: what Slurm does by itself was tried.")
      : t("{0} was tried.", markdownText(profile));
  return [`## ${t("Launch profile")}`, use, t("What a cluster wants to be told stands in {0}.", markdownCode(file))];
}
