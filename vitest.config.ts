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
        test: {
          name: "files",
          include: ["{src,scripts}/**/*.test.ts", "test/{golden,integration}/**/*.test.ts", "webview/**/*.test.ts"],
          // Two files at a time: while one waits for a process to start, another computes.
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: "windows",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: "test/e2e/support/setup.ts",
          // VS Code and what it trains take a small machine for themselves.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
