/** @file Ticks runs for the charts, or takes the ticks away, and says where there was no room. */
import * as vscode from "vscode";
import { showBriefly } from "../window/window.ts";
import { mostShown } from "./shown.ts";
import type { RunStore } from "./store.ts";

const { t } = vscode.l10n;

export function showInCharts(store: RunStore, directories: readonly string[], shown: boolean): void {
  const leftOut = store.setShown(directories, shown);
  if (leftOut === 0) return;
  showBriefly(t("The charts show at most {0} runs: {1} more were left out.", mostShown, leftOut.toLocaleString("en")));
}
