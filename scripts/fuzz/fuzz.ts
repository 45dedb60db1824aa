/**
 * @file Damages a file of every format that we read, thousands of times, and reads it: no fault of ours, no hang, no crash, no more
 * memory than a file of a few KB needs, and nothing changed outside the workspace.
 *
 *   npm run fuzz                                             every target, some minutes
 *   npm run fuzz -- --only parquet,data --seed 7 --inputs 10000
 *   npm run fuzz -- --only parquet --seed 7 --input 123      one input again, as a finding names it
 *
 * The same seed, target and number always make the same input. Findings lie in `.cache/fuzz`, one of each kind.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { repository } from "../../test/support/bundle.ts";
import { createFiles } from "./files.ts";
import { inputOf } from "./input.ts";
import { targets } from "./targets.ts";
import type { Answer, Request } from "./worker.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(targets).join(",") },
    seed: { type: "string", default: "1" },
    inputs: { type: "string" },
    input: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    /** Seconds for an input. */
    deadline: { type: "string", default: "30" },
    /** MB of resident memory for the process that reads. */
    memory: { type: "string", default: "1500" },
  },
});
const names = values.only.split(",");
const unknown = names.filter((name) => !(name in targets));
if (unknown.length > 0) {
  console.error(`There is no target "${unknown.join(", ")}"; choose from ${Object.keys(targets).join(", ")}.`);
  process.exit(2);
}
const seed = Number(values.seed);
const deadline = Number(values.deadline) * 1000;
const maxBytes = Number(values.memory) * 2 ** 20;
const saved = join(repository, ".cache", "fuzz");

interface Finding {
  request: Request;
  fault: string;
}

/** A process that reads; a new one after each that had to be ended. */
class Worker {
  private child: ChildProcess | undefined;
  private readonly base: string;
  private readonly home: string;

  constructor(base: string, home: string) {
    this.base = base;
    this.home = home;
  }

  async read(request: Request): Promise<string> {
    try {
      this.child ??= await this.start();
      const { fault } = await ended(this.child, () => this.child!.send(request));
      return fault;
    } catch (error) {
      this.stop();
      return (error as Error).message;
    }
  }

  private async start(): Promise<ChildProcess> {
    const script = fileURLToPath(new URL("worker.ts", import.meta.url));
    const child = fork(script, [this.base, this.home, String(deadline - 2000)], {
      execArgv: ["--import", "tsx", "--max-old-space-size=1000"],
      cwd: repository,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    await ended(child, () => {});
    return child;
  }

  stop(): void {
    this.child?.kill("SIGKILL");
    this.child = undefined;
  }
}

/** The next answer of a child. @throws Error in words if it ends, takes too long or too much memory */
function ended(child: ChildProcess, ask: () => void): Promise<Answer> {
  let errors = "";
  const listen = (chunk: Buffer) => {
    errors = (errors + chunk).slice(-4000);
  };
  child.stderr!.on("data", listen);
  return new Promise<Answer>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`hang: no answer in ${deadline / 1000} s`)), deadline);
    const watch = setInterval(() => {
      const bytes = residentBytes(child.pid!);
      if (bytes > maxBytes) reject(new Error(`memory: ${Math.round(bytes / 2 ** 20)} MB`));
    }, 100);
    const onExit = (code: number | null, signal: string | null) =>
      reject(new Error(`crash: ${signal ?? `exit code ${code}`}\n${errors}`));
    child.once("message", (answer: Answer) => {
      child.removeListener("exit", onExit);
      resolve(answer);
    });
    child.once("exit", onExit);
    const clear = () => {
      clearTimeout(late);
      clearInterval(watch);
      child.stderr!.removeListener("data", listen);
    };
    void Promise.resolve().then(ask);
    resolve = after(clear, resolve);
    reject = after(clear, reject);
  });
}

function after<T>(first: () => void, then: (value: T) => void): (value: T) => void {
  return (value) => {
    first();
    then(value);
  };
}

/** 0 where the system does not say. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
  } catch {
    return 0;
  }
}

/** Findings of one kind have the same first line and the same place in our code. */
function kindOf({ request, fault }: Finding): string {
  const place = /\(?(\S*\/src\/[^)\s]+)\)?/.exec(fault)?.[1] ?? "";
  const [first] = fault.replaceAll(/"[^"]*"|\d+/g, "…").split("\n");
  return `${request.target}: ${first!.slice(0, 200)} ${basename(place)}`;
}

function save({ request, fault }: Finding, base: string): string {
  const { target, seed, index } = request;
  const { file, bytes } = inputOf(base, target, targets[target]!, seed, index);
  mkdirSync(saved, { recursive: true });
  const path = join(saved, `${target}-${seed}-${index}-${basename(file)}`);
  writeFileSync(path, bytes);
  writeFileSync(`${path}.txt`, `${file}\n${fault}\n`);
  return path;
}

const home = mkdtempSync(join(tmpdir(), "ulpt-fuzz-"));
const base = join(home, "base");
const kinds = new Map<string, Finding[]>();
const workers = Array.from({ length: Number(values.workers) }, (_, n) => new Worker(base, join(home, `worker-${n}`)));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const worker of workers) worker.stop();
    rmSync(home, { recursive: true, force: true });
    process.exit(130);
  });
}
try {
  await createFiles(base);
  for (const name of names) await fuzz(name);
} finally {
  for (const worker of workers) worker.stop();
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
for (const [kind, [first]] of kinds) {
  const { seed, index, target } = first!.request;
  console.log(
    `\n${kind}\n  again: npm run fuzz -- --only ${target} --seed ${seed} --input ${index}\n${first!.fault.slice(0, 1500)}`,
  );
}
process.exitCode = kinds.size > 0 ? 1 : 0;

async function fuzz(name: string): Promise<void> {
  const target = targets[name]!;
  const indices =
    values.input === undefined
      ? Array.from({ length: Number(values.inputs ?? target.inputs) }, (_, index) => index)
      : [Number(values.input)];
  const started = performance.now();
  let next = 0;
  let found = 0;
  await Promise.all(
    workers.map(async (worker) => {
      while (next < indices.length) {
        const request: Request = { target: name, seed, index: indices[next++]! };
        const fault = await worker.read(request);
        if (fault === "") continue;
        found += 1;
        const finding = { request, fault };
        const kind = kindOf(finding);
        const known = kinds.get(kind);
        if (known) known.push(finding);
        else {
          kinds.set(kind, [finding]);
          console.log(`  ${kind}\n    ${save(finding, base)}`);
        }
      }
    }),
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${name.padEnd(12)} ${String(indices.length).padStart(6)} inputs, ${found} findings, ${seconds} s`);
}
