/** @file Where to train: on this machine, or by one of the launch profiles on the cluster that this is a login node of. */
import { existsSync } from "node:fs";
import * as vscode from "vscode";
import { defaultProfile, onSlurm, profileNames, profilesPath } from "../../launch/profiles.ts";
import { pickOne } from "../window/window.ts";

const { t } = vscode.l10n;

export interface TrainingPlace {
  /** What `--on` takes; undefined: this machine. */
  on: string | undefined;
}

/** Asks only where there is a choice; undefined where nobody chose. @throws UlptError PROFILE_INVALID */
export async function choosePlace(): Promise<TrainingPlace | undefined> {
  const file = profilesPath(process.env);
  const names = profileNames(file);
  if (names.length === 0 && !hasSlurm()) return { on: undefined };
  const here = { label: { icon: "vm", text: t("This machine") }, description: "", on: undefined };
  const usual = names.includes(onSlurm) || names.includes(defaultProfile) ? [] : [onSlurm];
  const profiles = [...usual, ...names].map((name) => ({
    label: { icon: "server-environment", text: t("The cluster: {0}", name) },
    description: usual.includes(name) ? t("as Slurm does by itself") : t("launch profile"),
    on: name,
  }));
  return pickOne([here, ...profiles], { title: t("Where to train") });
}

/** Where Slurm's programs look for the cluster that they are of (slurm.conf(5), sackd(8)). */
const configurations = ["/etc/slurm/slurm.conf", "/etc/slurm-llnl/slurm.conf", "/run/slurm/conf/slurm.conf"];

/** Whether this machine is of a cluster: its programs alone are installed on many that are of none. */
function hasSlurm(): boolean {
  return process.env.SLURM_CONF !== undefined || configurations.some((file) => existsSync(file));
}
