/** @file What the runs of an experiment are to each other: the settings that all share, those in which each differs, and the groups. */
import { completeSettings } from "../../experiment/recorded.ts";
import { Slices } from "../../listing/listing.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { Grouping, type KnownRun } from "../../results/equality.ts";
import type { GroupFacts } from "../../results/groups.ts";
import type { Settings } from "../../shared/panel.ts";
import { flattenSettings, SettingsComparison } from "./settings.ts";

export interface Relations {
  /** Settings that all runs share. */
  common: Settings;
  /** Of each run that can be read, by its folder, the settings in which it differs. */
  different: ReadonlyMap<string, Settings>;
  /** Those that differ in nothing but their seed, by the folders of the runs. */
  groups: ReadonlyMap<string, GroupFacts>;
}

export const noRelations: Relations = { common: {}, different: new Map(), groups: new Map() };

/** Compares the runs that can be read, in slices of time: there may be thousands. */
export async function relate(summaries: readonly RunSummary[]): Promise<Relations> {
  const slices = new Slices();
  const comparison = new SettingsComparison();
  const grouping = new Grouping<KnownRun & { directory: string }>();
  for (const { directory, run, spec } of summaries) {
    if (!spec) continue;
    comparison.add(flattenSettings(spec.settings));
    grouping.add({ directory, spec, settings: { name: run, seed: spec.seed, ...completeSettings(spec.settings) } });
    await slices.rest();
  }
  const different = new Map<string, Settings>();
  for (const { directory, spec } of summaries) {
    if (spec) different.set(directory, comparison.different(flattenSettings(spec.settings)));
    await slices.rest();
  }
  const groups = new Map<string, GroupFacts>();
  for (const { members, key, name, difference, family } of grouping.groups()) {
    for (const { directory } of members) groups.set(directory, { key, name, difference, family });
  }
  return { common: comparison.common, different, groups };
}
