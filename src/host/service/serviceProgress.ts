/** @file A request to the runtime that takes a while: a notification says how far it is, and can end it. */
import { l10n } from "vscode";
import { withProgress } from "../window/window.ts";
import { ProgressSteps, progressText } from "./progressText.ts";
import type { RequestOptions } from "./serviceClient.ts";

/** Runs `work` under a notification with `title`. @throws CancellationError when somebody cancelled it, and what `work` throws */
export function withServiceProgress<T>(
  title: string,
  work: (options: Required<Pick<RequestOptions, "token" | "onProgress">>) => Promise<T>,
): Thenable<T> {
  return withProgress(title, (token, report) => {
    const steps = new ProgressSteps();
    return work({
      token,
      onProgress: (progress) => {
        if (token.isCancellationRequested) return;
        report(progressText(progress, l10n.t), steps.step(progress));
      },
    });
  });
}
