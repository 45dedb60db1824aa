/** @file Runs the suite inside the extension host, which calls `run`, and writes what came of it to a file. */
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export interface ApiResults {
  passed: string[];
  failed: { title: string; error: string }[];
}

class Silent {}

export async function run(): Promise<void> {
  const results: ApiResults = { passed: [], failed: [] };
  const mocha = new Mocha({ ui: "bdd", timeout: 30_000, reporter: Silent });
  mocha.suite.emit("pre-require", globalThis, "suite", mocha);
  await import("./suite.ts");
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on("pass", (test) => results.passed.push(test.fullTitle()))
      .on("fail", (test, error) =>
        results.failed.push({ title: test.fullTitle(), error: error.stack ?? error.message }),
      );
  });
  writeFileSync(process.env.ULPT_API_RESULTS!, JSON.stringify(results));
}
