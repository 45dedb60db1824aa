/** @file The part of mocha that the suite uses. */
declare module "mocha" {
  interface Test {
    title: string;
    duration?: number;
    fullTitle(): string;
  }
  interface Runner {
    on(event: "pass", listener: (test: Test) => void): Runner;
    on(event: "fail", listener: (test: Test, error: Error) => void): Runner;
  }
  export default class Mocha {
    constructor(options: { ui: "bdd"; timeout: number; reporter?: new (runner: Runner) => object });
    suite: { emit(event: "pre-require", context: typeof globalThis, file: string, mocha: Mocha): void };
    run(done: (failures: number) => void): Runner;
  }
}

declare function describe(title: string, suite: () => void): void;
declare function it(title: string, test: () => unknown): void;
declare function before(hook: () => unknown): void;
