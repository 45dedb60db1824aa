/** @file What was on screen when a test failed. */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Workbench } from "./workbench.ts";

/** Call in a `describe`. Pictures go to ULPT_E2E_PICTURES, or to the folder for temporary files. */
export function photographFailures(workbench: () => Workbench | undefined): void {
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    const folder = process.env.ULPT_E2E_PICTURES ?? join(tmpdir(), "ulpt-e2e-failures");
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${task.name.replaceAll(/\W+/g, "-").slice(0, 80)}.png`);
    await workbench()
      ?.picture(path)
      .then(() => console.warn(`On screen when it failed: ${path}`))
      .catch(() => undefined);
  });
}
