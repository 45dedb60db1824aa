/** @file Causal tasks by the command line: where a prompt stands, and what a chat template does to a run. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readHeader } from "../../src/formats/safetensors.ts";
import { readJournal } from "../../src/runs/journal.ts";
import { checkpointPath, runPaths } from "../../src/runs/layout.ts";
import { readPrompt } from "../../src/runs/prompts.ts";
import { openRun } from "../../src/runs/store.ts";
import type { EvaluationReport, TryResult } from "../../src/shared/service.ts";
import type { Preview } from "../../src/tasks/preview.ts";
import { expectFailure, jsonLines, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { journalOf } from "../support/journal.ts";
import { chatTemplate, type WordChatOptions, writeWordChat } from "../support/wordChat.ts";
import { createWordWorkspace } from "../support/wordModel.ts";

const folder = temporaryFolder();
afterAll(killLeftovers);

/** A workspace whose model is a tiny chat model. */
function createChatWorkspace(name: string, options: WordChatOptions = {}): string {
  const workspace = folder(name);
  createWordWorkspace(workspace);
  rmSync(folder(name, "model"), { recursive: true });
  writeWordChat(folder(name, "model"), options);
  return workspace;
}

const file = "mood.ulpt.json";
const behind = ["--set", "promptPosition=after-bos"];
const chat = ["--set", "task.chat=true"];
const small = ["--set", "method=ulpt"];

function eventsOf(workspace: string, run: string) {
  const directory = `${workspace}/.ulpt/runs/mood/${run}`;
  return { directory, ...journalOf(directory) };
}

describe("a task that is a chat", () => {
  it("is refused for a tokenizer without a chat template, unless the task has one of its own", async () => {
    const workspace = createChatWorkspace("untemplated", { template: null });
    const end = await ulpt(["train", file, ...small, ...chat], { cwd: workspace });
    expectFailure(end, { code: "CHAT_TEMPLATE", exit: 3, where: "model" });
    expect(end.stderr).toContain("chat_template.jinja");
    const own = ["--set", `task.chat=${JSON.stringify({ system: "note", template: chatTemplate })}`];
    await ulptOk(["train", file, ...small, ...own, "--json"], { cwd: workspace });
    const { settings } = openRun(eventsOf(workspace, "ulpt-r2-seed3").directory).spec;
    expect(settings.task).toMatchObject({ chat: { system: "note", template: chatTemplate } });
  });

  it("is refused with the row on which its template fails", async () => {
    const refusing = "{% if 'song' in messages[0].content %}{{ raise_exception('No songs here') }}{% endif %}";
    const workspace = createChatWorkspace("refusing", { template: `${refusing}${chatTemplate}` });
    const rows = readFileSync(`${workspace}/data.jsonl`, "utf8").trimEnd().split("\n");
    const row = rows.findIndex((text) => text.includes("song")) + 1;
    expect(row).toBeGreaterThan(1);
    for (const command of [
      ["train", file, ...small, ...chat],
      ["data", "chat.ulpt.json", "--rows", "24"],
    ]) {
      const experiment = JSON.parse(readFileSync(`${workspace}/${file}`, "utf8"));
      const asChat = JSON.stringify({ ...experiment, task: { ...experiment.task, chat: true } });
      writeFileSync(`${workspace}/chat.ulpt.json`, asChat);
      const end = await ulpt(command, { cwd: workspace });
      expectFailure(end, {
        code: "CHAT_TEMPLATE",
        exit: 3,
        where: command[0] === "data" ? `row ${row}` : `data.jsonl:${row}`,
      });
      expect(end.stderr).toContain("No songs here");
    }
  });

  it("loses text where it is too long, and neither its template nor its answer", async () => {
    const workspace = createChatWorkspace("long");
    const limit = ["--set", "task.maxSourceLength=11"];
    await ulptOk(["train", file, ...small, ...chat, ...limit, "--json"], { cwd: workspace });
    const { events } = readJournal(runPaths(eventsOf(workspace, "ulpt-r2-seed3").directory).events);
    const warning = events.find((event) => event.type === "warning" && event.code === "SOURCES_TRUNCATED");
    expect(warning).toMatchObject({ message: expect.stringContaining("24 of 24 train sources") });
    const experiment = JSON.parse(readFileSync(`${workspace}/${file}`, "utf8"));
    const long = JSON.stringify({ ...experiment, task: { ...experiment.task, chat: true, maxSourceLength: 11 } });
    writeFileSync(`${workspace}/long.ulpt.json`, long);
    const { stdout } = await ulptOk(["data", "long.ulpt.json", "--rows", "1", "--json"], { cwd: workspace });
    const [first] = jsonLines<Preview>(stdout)[0]!.rows;
    expect(first!.sourceText.cut!.split(" ")).toHaveLength(2);
    expect(first!.targetText.cut).toBeUndefined();
  });
});

describe("a model whose texts have no end", () => {
  it("has whole answers to learn all the same, and needs no padding token either", async () => {
    const config = { eos_token_id: undefined, pad_token_id: undefined };
    const workspace = createChatWorkspace("endless", { config });
    const { stdout } = await ulptOk(["train", file, ...small, "--json"], { cwd: workspace });
    expect(stdout).toContain('"state":"finished"');
    const { events } = readJournal(runPaths(eventsOf(workspace, "ulpt-r2-seed3").directory).events);
    expect(events.filter(({ type }) => type === "warning")).toEqual([]);
  });
});

describe("a prompt behind the begin-of-sequence token", () => {
  const run = "ulpt-r2-seed3";
  let workspace: string;

  beforeAll(async () => {
    workspace = createChatWorkspace("behind");
    await ulptOk(["train", file, ...small, ...chat, ...behind, "--json"], { cwd: workspace });
    await ulptOk(["export", `mood/${run}`, "after", "--json"], { cwd: workspace });
  });

  it("stands there in run.json, in checkpoints and in exported prompts, and trains otherwise than in front", async () => {
    const { directory, losses } = eventsOf(workspace, run);
    expect(openRun(directory).spec.settings.promptPosition).toBe("after-bos");
    expect(readHeader(checkpointPath(directory, 8)).metadata.promptPosition).toBe("after-bos");
    const after = readPrompt(`${workspace}/prompts/after.prompt.safetensors`);
    expect(after.metadata.task).toMatchObject({ promptPosition: "after-bos", chat: true });
    const other = createChatWorkspace("first");
    await ulptOk(["train", file, ...small, ...chat, "--json"], { cwd: other });
    expect(openRun(eventsOf(other, run).directory).spec.settings.promptPosition).toBe("first");
    const first = eventsOf(other, run).losses[0]!.loss;
    expect(Math.abs(first - losses[0]!.loss)).toBeGreaterThan(1e-3);
  });

  it("is used there by evaluate and predict, from the checkpoint as from the exported prompt", async () => {
    const scored = async (...args: string[]) => {
      const { stdout } = await ulptOk(["evaluate", ...args, "--json"], { cwd: workspace });
      return jsonLines<EvaluationReport>(stdout).at(-1)!;
    };
    const best = eventsOf(workspace, run).evaluations.filter(({ split }) => split === "validation");
    const recorded = best.reduce((leader, one) => (one.score > leader.score ? one : leader));
    const own = await scored(`mood/${run}`, "--split", "validation");
    expect(own.amongLabels).toBeGreaterThan(own.score); // a random model writes no label, and must choose one here
    expect(own).toMatchObject({ unprompted: expect.any(Number), unpromptedAmongLabels: expect.any(Number) });
    expect(own.majority).toBeGreaterThanOrEqual(0.5);
    expect(own).toMatchObject({ score: recorded.score, loss: recorded.loss });
    // The file says nothing of where the prompt stands: the prompt does.
    const experiment = JSON.parse(readFileSync(`${workspace}/${file}`, "utf8"));
    const asChat = JSON.stringify({ ...experiment, task: { ...experiment.task, chat: true } });
    writeFileSync(`${workspace}/chat.ulpt.json`, asChat);
    const prompt = ["prompts/after.prompt.safetensors", "--split", "validation", "--task", "chat.ulpt.json"];
    expect(await scored(...prompt)).toMatchObject({ score: own.score, loss: own.loss });
    const asked = async (target: string) => {
      const { stdout } = await ulptOk(["predict", target, "good rain", "--json"], { cwd: workspace });
      return jsonLines<TryResult & { type: string }>(stdout).find(({ type }) => type === "answer");
    };
    expect(await asked("prompts/after.prompt.safetensors")).toEqual(await asked(`mood/${run}`));
  });

  it("goes out as embeddings that say so, and not as an adapter of PEFT, which would put it in front", async () => {
    const { stdout } = await ulptOk(["export", `mood/${run}`, "embeds", "--safetensors", "--json"], { cwd: workspace });
    expect(stdout).toContain("behind the embedding of the begin-of-sequence token");
    const refused = await ulpt(["export", `mood/${run}`, "adapter", "--peft"], { cwd: workspace });
    expectFailure(refused, { code: "OPTION_INVALID", exit: 2, where: "promptPosition" });
  });

  it("is shown with where it stands", async () => {
    const { stdout } = await ulptOk(["show", `mood/${run}`], { cwd: workspace });
    expect(stdout).toContain("5, behind the begin-of-sequence token");
  });

  it("is refused where texts begin otherwise, with the first that does", async () => {
    const plain = createChatWorkspace("plain", { begins: false });
    const written = await ulpt(["train", file, ...small, ...behind], { cwd: plain });
    expectFailure(written, { code: "OPTION_INVALID", exit: 2, where: "data.jsonl:1" });
    const template = "{{ messages[0].content }}<|eot_id|>note";
    const conversation = createChatWorkspace("conversation", { template });
    const end = await ulpt(["train", file, ...small, ...behind, ...chat], { cwd: conversation });
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "promptPosition" });
  });

  it("is refused where the model has no such token", async () => {
    const t5 = folder("t5");
    createWordWorkspace(t5);
    const end = await ulpt(["train", file, ...small, ...behind], { cwd: t5 });
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "promptPosition" });
    const without = createChatWorkspace("without", { config: { bos_token_id: undefined } });
    const other = await ulpt(["train", file, ...small, ...behind], { cwd: without });
    expectFailure(other, { code: "OPTION_INVALID", exit: 2, where: "promptPosition" });
  });
});
