/**
 * @file The order in which two workers take the test files: one at a time that waits for a window of VS Code, beside one that
 * computes, and long ones first, so that no worker is left alone with one at the end.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** About how long files take, in seconds: nothing but the order depends on it. */
const longFiles: Readonly<Record<string, number>> = {
  "test/e2e/lifecycle.test.ts": 180,
  "test/e2e/flow.test.ts": 150,
  "test/e2e/hub.test.ts": 110,
  "test/e2e/hostile.test.ts": 100,
  "test/integration/interruption.test.ts": 210,
  "test/integration/registry.test.ts": 110,
  "test/integration/webgpu.test.ts": 90,
  "test/integration/badInput.test.ts": 80,
  "test/integration/hostile.test.ts": 80,
  "webview/test/panel.test.ts": 80,
  "test/integration/train.test.ts": 75,
  "test/integration/hub.test.ts": 70,
  "test/integration/precision.test.ts": 65,
};
const otherwise: Readonly<Record<string, number>> = { windows: 25, commands: 30, units: 1 };

function secondsOf({ moduleId, project }: TestSpecification): number {
  const known = Object.entries(longFiles).find(([path]) => moduleId.endsWith(path))?.[1];
  return known ?? otherwise[project.name] ?? 1;
}

export class TestOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const longestFirst = (await super.sort(files)).sort((a, b) => secondsOf(b) - secondsOf(a));
    const windows = longestFirst.filter(({ project }) => project.name === "windows");
    const others = longestFirst.filter(({ project }) => project.name !== "windows");
    const order: TestSpecification[] = [];
    const freeAt = [0, 0];
    let nextWindowAt = 0;
    while (order.length < files.length) {
      const now = Math.min(...freeAt);
      const takesWindow = windows.length > 0 && (others.length === 0 || now >= nextWindowAt);
      const file = (takesWindow ? windows : others).shift()!;
      const end = now + secondsOf(file);
      freeAt[freeAt.indexOf(now)] = end;
      if (takesWindow) nextWindowAt = end;
      order.push(file);
    }
    return order;
  }
}
