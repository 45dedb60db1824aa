/** @file A request to the runtime that takes a while: a notification says how far it is, and can end it. */
import * as vscode from "vscode";
import { ProgressSteps, progressText } from "./progressText.ts";
import type { RequestOptions } from "./serviceClient.ts";

/** Runs `work` under a notification with `title`. @throws CancellationError when somebody cancelled it, and what `work` throws */
export function withServiceProgress<T>(
  title: string,
  work: (options: Required<RequestOptions>) => Promise<T>,
): Thenable<T> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, (bar, token) => {
    const steps = new ProgressSteps();
    return work({
      token,
      onProgress: (progress) => {
        if (token.isCancellationRequested) return;
        bar.report({ message: progressText(progress, vscode.l10n.t), increment: steps.step(progress) });
      },
    });
  });
}
