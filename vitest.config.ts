import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "test/support/bundle.ts",
    pool: "forks",
    // Guards against what never ends, not against a busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    reporters: ["default", "./test/support/summary.ts"],
    projects: [
      {
        extends: true,
        test: { name: "units", include: ["src/**/*.test.ts", "scripts/**/*.test.ts"], maxWorkers: 2 },
      },
      {
        extends: true,
        test: {
          name: "whole",
          include: ["test/**/*.test.ts", "webview/**/*.test.ts"],
          // onnxruntime uses every core by itself: files that train or start a window run one after the other.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
