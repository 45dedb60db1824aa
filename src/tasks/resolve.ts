/** @file From a task as an experiment writes it to its definition: names of the registry are looked up, changes put in. */
import { type HubTask, hubTaskSchema, type TaskDefinition, type TaskName, type WrittenTask } from "./definition.ts";
import type { VariantName } from "./names.ts";
import { registry } from "./registry.ts";

/** What an experiment may change of a task of the registry. */
type Changes = Partial<Omit<Extract<WrittenTask, { name: TaskName }>, "name" | "variant">>;

/** @throws nothing that the schema of experiments lets through */
export function resolveTask(written: WrittenTask): TaskDefinition {
  if (typeof written === "string") return fromRegistry(written, "fixed", {});
  if (!("name" in written)) return written;
  const { name, variant = "fixed", ...changes } = written;
  return fromRegistry(name, variant, changes);
}

function fromRegistry(name: TaskName, variant: VariantName, changes: Changes): HubTask {
  const { task, variants } = registry[name];
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const resolved = hubTaskSchema.parse({ ...task, ...variants?.[variant], ...given });
  // Of a task that is right as it is there is one variant only.
  return { name, ...(variants ? { variant } : {}), ...resolved };
}
