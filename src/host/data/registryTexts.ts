/** @file Tasks of the registry in words: what is asked, how many rows there are, what is wrong with the official code. Knows no `vscode`. */
import { type CheckpointMetric, metricFacts } from "../../metrics/names.ts";
import { checkpointMetricOf, isHubTask, metricsOf, type TaskName, taskNames } from "../../tasks/definition.ts";
import { type RegistryEntry, registry } from "../../tasks/registry.ts";
import { resolveTask } from "../../tasks/resolve.ts";
import { markdownCode } from "../../words/surfaces.ts";
import type { Translate } from "../window/translate.ts";

export interface TaskGroup {
  title: RegistryEntry["group"];
  tasks: TaskName[];
}

/** The registry by its groups, in its order. */
export function taskGroups(): TaskGroup[] {
  const groups = new Map<RegistryEntry["group"], TaskName[]>();
  for (const name of taskNames) {
    const { group } = registry[name];
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return [...groups].map(([title, tasks]) => ({ title, tasks }));
}

const numbers = new Intl.NumberFormat("en-US");

export function countText(count: number): string {
  return numbers.format(count);
}

/** `66,349 rows to train on, 1,000 to validate, 872 to test` */
export function sizesText(name: TaskName, t: Translate): string {
  const { train, validation, test } = registry[name].sizes;
  const [a, b, c] = [train, validation, test].map(countText) as [string, string, string];
  return t("{0} rows to train on, {1} to validate, {2} to test", a, b, c);
}

/** The metric of a task that runs what the model writes, if it has one. */
export function programsMetric(task: Parameters<typeof checkpointMetricOf>[0]): CheckpointMetric | undefined {
  return [...metricsOf(task), checkpointMetricOf(task)].find((metric) => metricFacts[metric].needs === "programs");
}

/** A task of the registry as a hover shows it, in Markdown. */
export function taskMarkdown(name: TaskName, t: Translate): string {
  const { title, group, description, variants } = registry[name];
  const task = resolveTask(name);
  const source = isHubTask(task) ? [task.dataset, task.config].filter(Boolean).join(", ") : "";
  const metrics = metricsOf(task).map((metric) => metricFacts[metric].title);
  const selected = metricFacts[checkpointMetricOf(task)].title;
  const lines = [
    `**${title}** (${group}): ${description}`,
    t("{0}. Data: {1}, of the Hugging Face Hub.", sizesText(name, t), `\`${source}\``),
    `- ${t("reads {0}", markdownCode(task.template))}`,
    `- ${t("answers {0}", markdownCode(task.target))}${task.labels && task.labels.length < 8 ? `: ${task.labels.join(", ")}` : ""}`,
    `- ${t("scored by {0}", metrics.join(", "))}${selected === metrics[0] ? "" : `; ${t("checkpoints by {0}", selected)}`}`,
  ];
  for (const metric of metricsOf(task)) {
    const { title: name, description: what, source: from } = metricFacts[metric];
    lines.push(`- *${name}*: ${what} ${t("As in: {0}.", from)}`);
  }
  const [head, sizes, ...facts] = lines as [string, string, ...string[]];
  const parts = [head, sizes, facts.join("\n")];
  if (variants) {
    const what = t('"fixed" (the default) does what was meant, "faithful" repeats it.');
    parts.push(`${t("A defect of the official code: {0}", variants.defect)} ${what}`);
  }
  return parts.join("\n\n");
}
