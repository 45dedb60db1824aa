/** @file A test reporter whose last line is `N passed, N failed, N skipped`. */
import type { Reporter, TestModule } from "vitest/node";

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    // A file that does not load has no tests to fail.
    const broken = modules.filter((module) => module.state() === "failed" && module.errors().length > 0).length;
    const failed = count("failed") + broken + errors.length;
    console.log(`\n${count("passed")} passed, ${failed} failed, ${count("skipped")} skipped`);
  }
}
