/** @file What never comes back: it is ended with an error that names the file, by Ctrl+C, and without holding up others. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { cancelledCode, ulptErrorCode } from "../../src/shared/service.ts";
import { bundle } from "../support/bundle.ts";
import { Command, expectFailure, killLeftovers, ulpt } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { hollowModel, startHub, type TestHub } from "../support/hub.ts";
import { createWorkspace, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
let workspace: Workspace;
const tokenizer = () => workspace.path("model", "tokenizer.json");
afterAll(killLeftovers);

/** A workspace whose tokenizer tries for ever to match the text of a row, `slow.jsonl`, and no other's. */
beforeAll(() => {
  workspace = createWorkspace(folder("workspace"), { copyModel: true });
  const file = JSON.parse(readFileSync(tokenizer(), "utf8")) as Record<string, unknown>;
  file.normalizer = { type: "Replace", pattern: { Regex: "(q+)+$" }, content: "q" };
  writeFileSync(tokenizer(), JSON.stringify(file));
  const rows = [`${"q".repeat(60)}z`, "a", "b", "c"].map((text, i) => JSON.stringify({ text, label: String(i % 2) }));
  writeFileSync(workspace.path("slow.jsonl"), rows.join("\n"));
  workspace.experiment("slow", { task: { train: "slow.jsonl" } });
  workspace.experiment("quick");
});

const few = { ULPT_DECODING_SECONDS: "1" };
const many = { ULPT_DECODING_SECONDS: "600" };

describe("a tokenizer whose pattern never comes back", () => {
  it.each([
    ["data", ["data", "slow.ulpt.json"]],
    ["train", ["train", "slow.ulpt.json"]],
  ])("ends `ulpt %s` with an error that names its file", async (_, args) => {
    const end = await ulpt(args, { cwd: workspace.folder, env: few });
    expectFailure(end, { code: "TOKENIZER_INVALID", exit: 3, where: tokenizer() });
    expect(end.stderr).toContain("more than 1 seconds");
  });

  it("is told to machines in the last line", async () => {
    const { stdout } = await ulpt(["data", "slow.ulpt.json", "--json"], { cwd: workspace.folder, env: few });
    expect(JSON.parse(stdout.trimEnd().split("\n").at(-1)!)).toMatchObject({
      type: "error",
      code: "TOKENIZER_INVALID",
      where: tokenizer(),
    });
  });

  it("does no harm to texts that it can match", async () => {
    const { code, stderr } = await ulpt(["data", "quick.ulpt.json"], { cwd: workspace.folder, env: few });
    expect(code, stderr).toBe(0);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("does not keep %s from ending the command", async (signal) => {
    const command = new Command(["data", "slow.ulpt.json"], { cwd: workspace.folder, env: many });
    await new Promise((resolve) => setTimeout(resolve, 5_000)); // until it surely is where it stays
    command.signal(signal);
    const { code, stderr } = await command.end;
    expect(stderr).toContain("Stopped at once");
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(130);
  });
});

describe("a download that drips", () => {
  let hub: TestHub;
  beforeAll(async () => {
    hub = await startHub({ repositories: [{ type: "model", id: "org/tiny", files: hollowModel() }] });
  });
  afterAll(() => hub.close());

  it("is ended by Ctrl+C, and keeps what has come", async () => {
    hub.fail({ at: "storage", drip: 50, times: Number.POSITIVE_INFINITY });
    const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: folder("cache") };
    const command = new Command(["download", "org/tiny"], { cwd: workspace.folder, env });
    while (!hub.requests.some(({ at }) => at === "storage")) await new Promise((resolve) => setTimeout(resolve, 50));
    command.signal("SIGINT");
    expect((await command.end).code).toBe(130);
  });
});

describe("`ulpt serve`", () => {
  let child: ChildProcess;
  let connection: MessageConnection;
  beforeAll(() => {
    const env = { ...process.env, ULPT_DECODING_SECONDS: "10", HF_HUB_CACHE: folder("none") };
    child = spawn(process.execPath, [bundle, "serve"], {
      cwd: workspace.folder,
      stdio: ["pipe", "pipe", "inherit"],
      env,
    });
    connection = createMessageConnection(new StreamMessageReader(child.stdout!), new StreamMessageWriter(child.stdin!));
    connection.listen();
  });
  afterAll(() => child.kill("SIGKILL"));

  const preview = (name: string, ...token: [CancellationTokenSource["token"]?]) =>
    connection.sendRequest(
      "preview",
      { experiment: workspace.path(`${name}.ulpt.json`), split: "train", rows: 4 },
      ...token,
    );

  it("answers others while a request never comes back, then that one with an error", async () => {
    const order: string[] = [];
    const endless = preview("slow").then(
      () => order.push("answer"),
      (error: { code: number; data: unknown }) => {
        order.push("error");
        return error;
      },
    );
    expect(await connection.sendRequest("cachedModels", {})).toEqual([]);
    expect(await preview("quick")).toMatchObject({ count: 48 });
    order.push("others");
    expect(await endless).toMatchObject({
      code: ulptErrorCode,
      data: { code: "TOKENIZER_INVALID", where: tokenizer() },
    });
    expect(order).toEqual(["others", "error"]);
  });

  it("lets a request be cancelled that never comes back", async () => {
    const cancellation = new CancellationTokenSource();
    const endless = preview("slow", cancellation.token);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    cancellation.cancel();
    await expect(endless).rejects.toMatchObject({ code: cancelledCode });
    expect(await preview("quick")).toMatchObject({ count: 48 });
  });

  it("ends when its input does, whatever it is at", async () => {
    preview("slow").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.stdin!.end();
    await gone;
  });
});
