/** @file `ULPT: Check Runtime and Device`: what the runtime is, and what each device does with a small graph. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { UlptError } from "../../errors.ts";
import type { Runtime } from "../../launch/launcher.ts";
import type { DeviceReport } from "../../shared/service.ts";
import { markdownCode, markdownText } from "../../words/surfaces.ts";
import { settings } from "../ids.ts";
import type { Services } from "../services.ts";
import { showPage } from "../window/reports.ts";
import { withProgress } from "../window/window.ts";
import { checkRuntimeFiles, findRuntime, requireTrust } from "./runtime.ts";

const { t } = vscode.l10n;

/** Trying a device may load a driver for the first time. */
const checkMilliseconds = 120_000;

export async function checkRuntime({ extensionPath, log }: Services): Promise<void> {
  requireTrust();
  const missing = checkRuntimeFiles(extensionPath);
  const runtime = missing === undefined ? findRuntime(extensionPath) : undefined;
  const report = await withProgress(t("Trying every device…"), async (token): Promise<string> => {
    if (!runtime) return `${t("The runtime does not work.")}\n\n${missing}`;
    const abort = new AbortController();
    token.onCancellationRequested(() => abort.abort());
    try {
      const { stdout } = await promisify(execFile)(runtime.command, [...runtime.args, "devices", "--json"], {
        env: { ...process.env, ...runtime.env },
        timeout: checkMilliseconds,
        signal: abort.signal,
      });
      const devices = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as DeviceReport);
      return devicesText(devices);
    } catch (cause) {
      if (token.isCancellationRequested) throw new vscode.CancellationError();
      throw new UlptError("DEVICE_FAILED", t("The runtime ended before it could answer."), {
        where: runtime.command,
        hint: t("Check the setting ulpt.runtime.nodePath, or remove it."),
        cause,
      });
    }
  });
  const facts = [
    `# ${t("ULPT Lab: runtime and devices")}`,
    report,
    `## ${t("Where it runs")}`,
    [
      `- ${t("Platform: {0}", `${process.platform}-${process.arch}`)}`,
      `- ${nodeText(runtime)}`,
      `- ${t("The setting {0} names another Node.js.", markdownCode(settings.nodePath))}`,
    ].join("\n"),
  ];
  log.info(report);
  if (runtime) log.info([runtime.command, ...runtime.args].join(" "));
  await showPage(t("Runtime and Devices"), `${facts.join("\n\n")}\n`);
}

/** Whose Node.js it is; where that lies says the log. */
function nodeText(runtime: Runtime | undefined): string {
  if (!runtime) return t("Runtime: missing");
  return runtime.command === process.execPath
    ? t("Node.js {0}, that of VS Code", process.versions.node)
    : t("Node.js: {0}, by the setting", markdownCode(runtime.command));
}

function devicesText(devices: readonly DeviceReport[]): string {
  const working = devices.filter((device) => device.works);
  const best = working.reduce<(typeof working)[number] | undefined>(
    (a, b) => (a && a.gflops >= b.gflops ? a : b),
    undefined,
  );
  const heading = best
    ? t('The runtime works. "auto" trains on {0}.', best.device)
    : t("The runtime works, but no device does.");
  return `${heading}\n\n${devicesTable(devices)}`;
}

/** As Markdown. */
export function devicesTable(devices: readonly DeviceReport[]): string {
  const rows = devices.map((report) =>
    report.works
      ? [report.device, t("works"), t("{0} GFLOP/s", Math.round(report.gflops))]
      : [report.device, unbroken(t("does not work here")), faultText(report)],
  );
  const table = [[t("Device"), t("State"), t("Speed, or what is missing")], ["---", "---", "---"], ...rows];
  return table.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function faultText({ reason, loads, needs }: Extract<DeviceReport, { works: false }>): string {
  return loads
    ? t("{0}. Update its driver, or use another device.", markdownText(sentence(reason)))
    : t("{0}. It needs {1}.", markdownText(sentence(reason)), needs);
}

/** A narrow column keeps it on one line. */
function unbroken(text: string): string {
  return text.replaceAll(" ", "\u00a0");
}

/** One line without its full stop. */
function sentence(text: string): string {
  return text.replaceAll(/\s+/g, " ").replace(/[\s.]+$/, "");
}
