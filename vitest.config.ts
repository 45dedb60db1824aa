import { defineConfig } from "vitest/config";

/** Commands in processes of their own, and small models. */
const commands = [
  "test/integration/{adapters,badInput,bench,causal,cuda,decoder,diff,foreignRun,hostile,hub,interruption}.test.ts",
  "test/integration/{marks,olderVersion,output,paper,paperModels,ports,precision,predict,privacy,reference}.test.ts",
  "test/integration/{registry,terminal,train,warmStart,webgpu}.test.ts",
];

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
        test: { name: "commands", include: commands, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: {
          name: "whole",
          include: ["test/**/*.test.ts", "webview/**/*.test.ts"],
          exclude: commands,
          // onnxruntime uses every core by itself: files that train or start a window run one after the other.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
