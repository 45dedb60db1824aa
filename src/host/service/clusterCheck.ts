/** @file `ULPT: Check Cluster…`: tries the Slurm of this machine with a job of a minute, and shows what it saw. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import * as vscode from "vscode";
import { UlptError } from "../../errors.ts";
import { parseJson } from "../../json.ts";
import { defaultProfile, profileNames, profilesPath } from "../../launch/profiles.ts";
import type { ClusterEvent } from "../../launch/slurm/checkEvents.ts";
import type { RecordedError } from "../../runs/schema.ts";
import { chooseFolder } from "../experiments/newExperiment.ts";
import type { Services } from "../services.ts";
import { showPage } from "../window/reports.ts";
import { pickOne, showBriefly, withProgress } from "../window/window.ts";
import { type ClusterCheck, clusterEventText, clusterPage } from "./clusterText.ts";
import { findRuntime, requireTrust } from "./runtime.ts";

const { t } = vscode.l10n;

type Line = ClusterEvent | ({ type: "error" } & RecordedError);

/** @throws UlptError DEVICE_MISSING without runtime or trust, PROFILE_INVALID */
export async function checkCluster({ extensionPath, log }: Services): Promise<void> {
  requireTrust();
  const folder = await chooseFolder();
  if (!folder) return;
  const file = profilesPath(process.env);
  const profile = await chooseProfile(file);
  if (profile === null) return;
  const args = ["cluster", "--json", "--workspace", folder.fsPath];
  if (profile !== undefined) args.push("--profile", profile);
  const found = await withProgress(t("Checking the cluster"), (token, report) => {
    const tell = (event: ClusterEvent) => {
      const text = clusterEventText(event, t);
      if (text !== undefined) report(text);
    };
    return followCheck(extensionPath, args, token, tell);
  });
  const check: ClusterCheck = { profile, file, ...found };
  const text = clusterPage(check, t);
  log.info(text);
  if (found.error?.code === "STOPPED" && found.error.hint === undefined) {
    showBriefly(t("The check was stopped, and its job cancelled."), 8000);
    return;
  }
  await showPage(t("Cluster"), text);
}

/** Undefined: none is named in the file; null: nobody chose. */
async function chooseProfile(file: string): Promise<string | undefined | null> {
  const names = profileNames(file);
  if (names.length < 2) return names[0];
  const items = names.map((name) => ({
    label: name,
    description: name === defaultProfile ? t("where none is named") : "",
  }));
  const chosen = await pickOne(items, { title: t("Check the cluster by a launch profile") });
  return chosen?.label ?? null;
}

/** Asked to stop it cancels its job, and says whether that succeeded. */
async function followCheck(
  extensionPath: string,
  args: readonly string[],
  token: vscode.CancellationToken,
  tell: (event: ClusterEvent) => void,
): Promise<Pick<ClusterCheck, "events" | "error">> {
  const runtime = findRuntime(extensionPath);
  const child = spawn(runtime.command, [...runtime.args, ...args], {
    env: { ...process.env, ...runtime.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-2_000);
  });
  const stopping = token.onCancellationRequested(() => child.kill("SIGINT"));
  const ended = new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  ended.catch(() => undefined); // it is awaited below
  const events: ClusterEvent[] = [];
  let error: RecordedError | undefined;
  try {
    for await (const text of createInterface({ input: child.stdout })) {
      const line = parseJson(text) as Line;
      if (line.type === "error") {
        error = line;
        continue;
      }
      events.push(line);
      tell(line);
    }
    const how = await ended;
    if (!error && !events.some(({ type }) => type === "answer")) throw brokenCheck(runtime.command, how, errors);
    return { events, error };
  } catch (cause) {
    throw cause instanceof UlptError ? cause : brokenCheck(runtime.command, String(cause), errors);
  } finally {
    stopping.dispose();
  }
}

function brokenCheck(command: string, how: string, errors: string): UlptError {
  return new UlptError("DEVICE_FAILED", t("The runtime ended before it could answer: {0}.", how), {
    where: errors.trim().split("\n").at(-1) || command,
    hint: t("Check the setting ulpt.runtime.nodePath, or remove it."),
  });
}
