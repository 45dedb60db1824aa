/** @file How far the runtime is with something, in words and as steps of a progress bar. Knows no `vscode`. */
import type { ServiceProgress } from "../../shared/service.ts";
import { byteText, durationText } from "../../words/numbers.ts";
import type { Translate } from "../window/translate.ts";

/** `model.safetensors: 120.4 MB of 242.0 MB · 25.1 MB/s · 5s left`, as far as it is known. */
export function progressText(
  { what, done, total, bytesPerSecond, secondsLeft }: ServiceProgress,
  t: Translate,
): string {
  const parts = [t("{0}: {1} of {2}", shortName(what), byteText(done), byteText(total))];
  if (bytesPerSecond > 0) parts.push(t("{0}/s", byteText(Math.round(bytesPerSecond))));
  if (secondsLeft !== undefined && secondsLeft >= 1) parts.push(t("{0} left", durationText(secondsLeft)));
  return parts.join(" · ");
}

/** The file alone: its folders do not fit into a notification. */
function shortName(what: string): string {
  return what.slice(what.lastIndexOf("/") + 1);
}

/** Of what is left of the bar, the part that belongs to the fetch under way: others may follow it. */
const share = 0.9;

/**
 * Percent for a bar that only grows. A request fetches one thing after the other, the model and then the data, and nobody knows
 * how many: each gets most of what is left of the bar.
 */
export class ProgressSteps {
  private begin = 0;
  private reached = 0;
  private last = { done: 0, total: 0 };

  /** Percent to add. */
  step({ done, total }: Pick<ServiceProgress, "done" | "total">): number {
    if (total !== this.last.total || done < this.last.done) this.begin = this.reached;
    this.last = { done, total };
    const fraction = total > 0 ? Math.min(1, done / total) : 0;
    const now = this.begin + (100 - this.begin) * share * fraction;
    const increment = Math.max(0, now - this.reached);
    this.reached += increment;
    return increment;
  }
}
