import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "scripts/**/*.test.ts", "webview/**/*.test.ts"],
    globalSetup: "test/support/bundle.ts",
    pool: "forks",
    // onnxruntime uses every core by itself: test files that train run one after the other.
    fileParallelism: false,
    // Guards against what never ends, not against a busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    reporters: ["default", "./test/support/summary.ts"],
  },
});
