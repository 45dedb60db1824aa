/**
 * @file Shows on a real Slurm what `ulpt cluster` says: where all is well, and where something is wrong.
 *
 *   npm run slurm
 *   npm run slurm -- --scenarios            what happens to jobs, in words (scripts/slurm/scenarios.ts)
 *   npm run slurm -- --sweep 200 --seed 1   a sweep that is disturbed at random (scripts/slurm/sweep.ts)
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster, missingPrograms } from "./cluster.ts";
import { proveScenarios } from "./scenarios.ts";
import { proveSweep } from "./sweep.ts";

const cli = join(import.meta.dirname, "..", "..", "dist", "cli.js");
const profiles = {
  default: { pollSeconds: 2 },
  unknownPartition: { partition: "mian" },
  held: { sbatch: ["--hold"] },
  tooMuchMemory: { memory: "900G" },
  noNode: { node: "/no/node" },
  secondNode: { sbatch: ["--nodelist=n2"], pollSeconds: 2 },
};

/** What a trial came to. */
interface End {
  code: number | null;
  output: string;
}

const missing = missingPrograms();
if (missing.length > 0) {
  console.error(`Slurm is not installed here (${missing.join(", ")}). On Debian: apt-get install slurm-wlm munge`);
  process.exit(1);
}

const { values: options } = parseArgs({
  options: { scenarios: { type: "boolean" }, sweep: { type: "string" }, seed: { type: "string", default: "1" } },
});
if (options.sweep !== undefined || options.scenarios) {
  const faults = options.scenarios
    ? await proveScenarios()
    : await proveSweep(Number(options.sweep), Number(options.seed));
  console.log(faults.length === 0 ? "all as expected" : faults.slice(0, 40).join("\n"));
  process.exit(faults.length === 0 ? 0 : 1);
}

const cluster = new Cluster();
const failures: string[] = [];
try {
  await cluster.start();
  const workspace = join(cluster.folder, "workspace");
  const config = join(cluster.folder, "config");
  for (const folder of [join(workspace, ".vscode"), join(config, "ulpt")]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(config, "ulpt", "launch.json"), JSON.stringify({ profiles }));

  const env = { ...process.env, ...cluster.env, XDG_CONFIG_HOME: config };
  const ulpt = (args: readonly string[], more: NodeJS.ProcessEnv = {}, onOutput?: OnOutput) =>
    command(["cluster", ...args], workspace, { ...env, ...more }, onOutput);

  expectEnd("all is well", await ulpt([]), 0, /sees this folder and Node\.js/);
  expectEnd(
    "unknown partition",
    await ulpt(["--profile", "unknownPartition"]),
    1,
    /does not have the partition "mian"/,
  );
  expectEnd("held job", await ulpt(["--profile", "held"]), 1, /held by its user/);
  expectEnd("too much memory", await ulpt(["--profile", "tooMuchMemory"]), 1, /No node has what the job asks for/);
  expectEnd("no Node.js", await ulpt(["--profile", "noNode"]), 1, /does not have this Node\.js/);
  expectEnd("sbatch absent", await ulpt([], { PATH: "/nonexistent" }), 1, /SLURM_MISSING/);

  await cluster.end("n2");
  cluster.call("scontrol", ["update", "nodename=n2", "state=down", "reason=proof"]);
  let isAsked = false; // a second signal would end it at once
  const stopWhenTold: OnOutput = (text, child) => {
    if (!isAsked && /not there/.test(text)) isAsked = child.kill("SIGINT");
  };
  const down = await ulpt(["--profile", "secondNode"], {}, stopWhenTold);
  expectEnd("node down, then stopped", down, 130, /nodes that it needs are not there: n2/);
  const left = cluster.call("squeue", ["-h"]);
  expectEnd("nothing is left in the queue", { code: left === "" ? 0 : 1, output: left }, 0, /^$/);

  let ending: Promise<void> | undefined;
  let starting: Promise<void> | undefined;
  const losesController: OnOutput = (text) => {
    if (/submitted/.test(text)) ending ??= cluster.end("controller");
    if (/does not say how the job is/.test(text)) starting ??= ending?.then(() => restart());
  };
  const restart = () => {
    cluster.startController();
    cluster.startNode("n2");
  };
  const silent = await ulpt(["--profile", "secondNode"], {}, losesController);
  await starting;
  expectEnd("controller silent, then back", silent, 0, /does not say how the job is[\s\S]*sees this folder/);

  const kept = readdirSync(join(workspace, ".ulpt", "cluster")).length;
  console.log(`folders kept for their logs: ${kept}`);
} finally {
  await cluster.stop();
}
console.log(failures.length === 0 ? "all as expected" : `not as expected: ${failures.join(", ")}`);
process.exitCode = failures.length === 0 ? 0 : 1;

type OnOutput = (text: string, child: ChildProcess) => void;

function command(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  onOutput: OnOutput = () => undefined,
): Promise<End> {
  const child = spawn(process.execPath, [cli, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
      onOutput(output, child);
    });
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

function expectEnd(what: string, { code, output }: End, expected: number, says: RegExp): void {
  const isSo = code === expected && says.test(output);
  if (!isSo) failures.push(what);
  console.log(`── ${what}: ${isSo ? "as expected" : "NOT as expected"}, exit code ${code}\n${output}`);
}
