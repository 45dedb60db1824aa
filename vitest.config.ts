import { defineConfig } from "vitest/config";
import { TestOrder } from "./test/support/order.ts";

export default defineConfig({
  test: {
    globalSetup: "test/support/bundle.ts",
    pool: "forks",
    // Two files at a time: while one waits, for a window or a process to start, another computes.
    maxWorkers: 2,
    sequence: { sequencer: TestOrder },
    // Guards against what never ends, not against a busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    reporters: ["default", "./test/support/summary.ts"],
    projects: [
      {
        extends: true,
        test: { name: "windows", include: ["test/e2e/**/*.test.ts"], globalSetup: "test/e2e/support/setup.ts" },
      },
      {
        extends: true,
        test: {
          name: "commands",
          include: ["test/{golden,integration}/**/*.test.ts", "webview/**/*.test.ts"],
        },
      },
      {
        extends: true,
        test: { name: "units", include: ["src/**/*.test.ts", "scripts/**/*.test.ts"] },
      },
    ],
  },
});
