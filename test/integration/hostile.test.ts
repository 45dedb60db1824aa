/** @file The command line in a workspace that wants to hurt whoever uses it: nothing outside changes, every answer is one for people. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killLeftovers, ulpt } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  createHostileWorkspace,
  type HostileWorkspace,
  linkedParts,
  linkedSweepParts,
} from "../support/hostileWorkspace.ts";

const folder = temporaryFolder();
const elsewhere = temporaryFolder();
/** Of a terminal that is told to do something: escape sequences, a carriage return, control characters of 8 bits. */
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

describe.skipIf(process.platform === "win32")("a hostile workspace", () => {
  let workspace: HostileWorkspace;
  beforeAll(() => {
    workspace = createHostileWorkspace(folder());
  });
  afterAll(() => {
    killLeftovers();
    workspace?.dispose();
  });

  /** Runs commands at once; each answer must be one for people, and nobody be hurt. Returns what they wrote. */
  async function expectHarmless(...commands: readonly (readonly string[])[]): Promise<string[]> {
    const ends = await Promise.all(commands.map((args) => ulpt(args, { cwd: workspace.folder })));
    const outputs = ends.map(({ stdout, stderr }) => `${stdout}${stderr}`);
    for (const [index, { code, signal }] of ends.entries()) {
      const output = outputs[index]!;
      const title = commands[index]!.join(" ");
      expect({ signal, ended: code !== null }, title).toEqual({ signal: null, ended: true });
      expect(output, title).not.toContain("INTERNAL");
      expect(output, title).not.toMatch(/^\s+at /m);
      expect(output, title).not.toMatch(control);
    }
    const harm = workspace.harm();
    workspace.outside.remember(); // each test answers for its own
    expect(harm).toEqual([]);
    return outputs;
  }

  it("is listed, for people and for programs", async () => {
    const [list] = await expectHarmless(["runs"], ["runs", "--json"]);
    expect(list).toContain(workspace.goodRun);
  });

  it.each(linkedParts)("reads and writes no %s that is a link", async (part) => {
    const run = `${workspace.experiment}/linked-${part}`;
    await expectHarmless(["show", run], ["resume", run]);
  });

  it.each(["linked-checkpoint", "linked-run", "names-outside", "checkpoint-outside", "deep", "deep-events"])(
    "reads and writes nothing outside for the run %s",
    async (name) => {
      const run = `${workspace.experiment}/${name}`;
      await expectHarmless(["show", run], ["stop", run]);
      await expectHarmless(["resume", run], ["export", run, "../../outside/exported"]);
    },
  );

  it("reads and writes no marks, evaluations, sweeps and jobs that are links", async () => {
    const [marks, evaluations] = ["marks.json", "evaluations"].map((part) => `${workspace.experiment}/linked-${part}`);
    const prompt = "prompts/good.prompt.safetensors";
    await expectHarmless(["tag", marks!, "x"], ["star", marks!]);
    await expectHarmless(["evaluate", evaluations!], ["evaluate", prompt, "--task", "mood.ulpt.json"]);
    await expectHarmless(["sweep", "list"], ["stop", `${workspace.experiment}/texts`]);
    await expectHarmless(...workspace.sweeps.map((name) => ["sweep", "stop", name]));
    const parts = ["events.jsonl", "claims"] as const;
    const continued = [...parts.map((part) => workspace.sweeps[linkedSweepParts.indexOf(part)]!), workspace.wordy];
    await expectHarmless(...continued.map((name) => ["sweep", "continue", name]));
  });

  it("shows what a scheduler says as text", async () => {
    const slurm = elsewhere("slurm");
    const words = "n\u001b[2J\u001b]0;owned\u0007 [x](command:workbench.action.tasks.build)";
    for (const each of [slurm, elsewhere("workspace")]) mkdirSync(each);
    const answers = {
      sinfo: `${words}|up\u001b[2J|1:00|1|idle${words}`,
      sbatch: "1",
      squeue: `1|0|PENDING|${words}|N/A|${words}`,
      sacct: `FAILED|${words}`,
      scontrol: words,
      scancel: words,
    };
    for (const [name, answer] of Object.entries(answers)) {
      const script = `#!/bin/sh\ncat <<'END'\n${answer}\nEND\ncat >&2 <<'END'\n${words}\nEND\n`;
      writeFileSync(join(slurm, name), script, { mode: 0o755 });
    }
    const env = { PATH: `${slurm}:${process.env.PATH}` };
    const started = await Promise.all([
      ulpt(["runs"], { cwd: workspace.folder, env }),
      ulpt(["cluster"], { cwd: workspace.folder, env }),
      ulpt(["cluster", "--wait", "0.01", "--workspace", elsewhere("workspace")], { cwd: workspace.folder, env }),
      ulpt(["stop", `${workspace.experiment}/texts`], { cwd: workspace.folder, env }),
    ]);
    for (const { stdout, stderr } of started) {
      expect(`${stdout}${stderr}`).not.toMatch(control);
      expect(`${stdout}${stderr}`).not.toContain("INTERNAL");
    }
    expect(started[0]!.stdout).toContain("\\u{1b}[2J");
    const harm = workspace.harm();
    workspace.outside.remember();
    expect(harm).toEqual([]);
  });

  it("ends no process for runs that say whose they are", async () => {
    const names = ["owned-0", "owned-1", "owned-by-init"];
    await expectHarmless(...names.map((name) => ["stop", `${workspace.experiment}/${name}`]));
  });

  it("shows the names and texts of its runs as texts", async () => {
    await expectHarmless(...workspace.named.map((run) => ["show", run]));
    await expectHarmless(...workspace.named.map((run) => ["resume", run]));
  });

  it.each(["grid", "deep", "keys", "long", "share", "share-data", "file", "endless"])(
    "refuses %s.ulpt.json in words",
    async (name) => {
      const outputs = await expectHarmless(["train", `${name}.ulpt.json`], ["data", `${name}.ulpt.json`]);
      for (const output of outputs) expect(output).toMatch(/^error [A-Z_]+: /m);
    },
  );

  it("refuses an experiment whose name is a link", async () => {
    const file = workspace.experiments.find((name) => name.includes("command:"))!;
    const [output] = await expectHarmless(["train", file]);
    expect(output).toContain("EXPERIMENT_INVALID");
  });
});
