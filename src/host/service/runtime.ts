/** @file Where the runtime is and whether it can be started. Looks at a few files and starts nothing. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { UlptError } from "../../errors.ts";
import type { Runtime } from "../../launch/launcher.ts";
import { contextKeys, settings } from "../ids.ts";
import { setContextKey } from "../window/contextKey.ts";

/** The runtime of the extension at `extensionPath`. @throws UlptError DEVICE_MISSING with what is missing and what to do */
export function findRuntime(extensionPath: string): Runtime {
  const script = join(extensionPath, "dist", "cli.js");
  const missing = missingPart(extensionPath, script);
  if (missing) {
    throw new UlptError("DEVICE_MISSING", missing, {
      where: extensionPath,
      hint: vscode.l10n.t("Install the ULPT Lab build for {0}.", platformName),
    });
  }
  const [section, name] = splitSetting(settings.nodePath);
  const nodePath = vscode.workspace.getConfiguration(section).get<string>(name)?.trim();
  // The extension host runs in Electron on a desktop: this makes its binary a plain Node.js.
  return { command: nodePath || process.execPath, args: [script], env: { ELECTRON_RUN_AS_NODE: "1" } };
}

const platformName = `${process.platform}-${process.arch}`;

function missingPart(extensionPath: string, script: string): string | undefined {
  if (!existsSync(script)) return vscode.l10n.t("The runtime is not there: {0}", script);
  // Packed beside the bundle; in a checkout where npm puts it.
  const folders = [join(extensionPath, "dist"), extensionPath].map((folder) =>
    join(folder, "node_modules", "onnxruntime-node", "bin"),
  );
  const place = [process.platform, process.arch, "onnxruntime_binding.node"];
  const found = folders.some((bin) => childrenOf(bin).some((api) => existsSync(join(bin, api, ...place))));
  if (found) return undefined;
  return vscode.l10n.t("This build of ULPT Lab has no ONNX Runtime for {0}, so it cannot train.", platformName);
}

function childrenOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** `ulpt.runtime.nodePath` → section and name, as `getConfiguration` takes them. */
export function splitSetting(setting: string): [section: string, name: string] {
  const dot = setting.indexOf(".");
  return [setting.slice(0, dot), setting.slice(dot + 1)];
}

/** Says in the context keys whether the runtime is there, and returns why it is not. */
export function checkRuntimeFiles(extensionPath: string): string | undefined {
  try {
    findRuntime(extensionPath);
    setContextKey(contextKeys.runtimeMissing, false);
    return undefined;
  } catch (error) {
    setContextKey(contextKeys.runtimeMissing, true);
    return error instanceof UlptError ? `${error.message} ${error.hint ?? ""}`.trim() : String(error);
  }
}

/** Nothing runs in a workspace that is not trusted: its files decide what is read and written. */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new UlptError("DEVICE_MISSING", vscode.l10n.t("ULPT Lab runs nothing in Restricted Mode."), {
    hint: vscode.l10n.t("Trust this workspace first."),
  });
}
