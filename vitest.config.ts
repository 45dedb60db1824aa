import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "scripts/**/*.test.ts", "webview/**/*.test.ts"],
    globalSetup: "test/support/bundle.ts",
    pool: "forks",
    // onnxruntime uses every core by itself: test files that train run one after the other.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default", "./test/support/summary.ts"],
  },
});
