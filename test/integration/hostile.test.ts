/** @file The command line in a workspace that wants to hurt whoever uses it: nothing outside changes, every answer is one for people. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killLeftovers, ulpt } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { createHostileWorkspace, type HostileWorkspace, linkedParts } from "../support/hostileWorkspace.ts";

const folder = temporaryFolder();
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
