/** @file A model of the Hugging Face Hub as an experiment names it. */

/** `google-t5/t5-base@main` → id and revision; undefined for what can only be a path. */
export function parseHubId(text: string): { id: string; revision: string | undefined } | undefined {
  const [, id, revision] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w./-]+))?$/.exec(text) ?? [];
  return id === undefined ? undefined : { id, revision };
}
