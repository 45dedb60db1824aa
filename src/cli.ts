#!/usr/bin/env node
/** @file Composition root of the runtime process, and of its main thread: the command line of ULPT Lab. */
import { Command, InvalidArgumentError, Option } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { costDefaults } from "./cli/defaults.ts";
import { answerCommand, memoryCommand, probeCommand } from "./cli/hiddenCommands.ts";
import { asErrorLine, type OnStop, supervise, tell } from "./cli/supervise.ts";
import { complain, outliveOutput, say, sayJsonNow } from "./cli/terminal.ts";
import { exitCodes, UlptError } from "./errors.ts";
import { precisions } from "./experiment/precisions.ts";
import { devices } from "./graph/devices.ts";
import { jobCommand } from "./launch/slurm/jobCommand.ts";
import { type Precision, quantizedDevices, quantizedPrecisions } from "./models/quantize/recipe.ts";
import { type Condition, fieldNames, parseCondition } from "./results/selection.ts";
import { evaluatedSplits } from "./runs/layout.ts";
import { type AnswerNumbers, acceptsNumber } from "./shared/answerOptions.ts";
import { defaultSourceLength } from "./shared/service.ts";
import { splitNames, variantNames } from "./tasks/names.ts";
import { shapeNames } from "./training/shapes.ts";
import type { ThreadCommand } from "./work.ts";

/** What the commands of a work thread (src/work.ts) do when they are asked to stop. */
const onStop: Readonly<Record<ThreadCommand, OnStop>> = {
  train: "saves",
  resume: "saves",
  continueSweep: "saves",
  joinSweep: "saves",
  evaluate: "clears",
  diff: "clears",
  predict: "clears",
  data: "clears",
  download: "clears",
  quantize: "clears",
  installDevice: "clears",
  bench: "clears",
  show: "ends",
  export: "ends",
  import: "ends",
  verify: "ends",
  cost: "ends",
};

async function inThread(command: ThreadCommand, ...args: [...unknown[], { json?: boolean }]): Promise<void> {
  const json = (args.at(-1) as { json?: boolean }).json === true;
  process.exitCode = await supervise(command, args, { json, onStop: onStop[command] });
}

/** The commands of this thread. Their code is loaded when one is asked for: who only watches over a thread does not need it. */
const here = () => import("./cli/here.ts");

/** A command that this thread does itself. */
function inMain(command: keyof Awaited<ReturnType<typeof here>>) {
  return async (...args: unknown[]): Promise<void> => {
    const commands: Record<string, (...args: never[]) => unknown> = await here();
    await commands[command]!(...(args as never[]));
  };
}

const program = new Command("ulpt")
  .description("Prompt tuning on a frozen language model, without Python.")
  .version(packageJson.version)
  .showSuggestionAfterError()
  .configureOutput({ writeOut: say, writeErr: complain })
  .configureHelp({ showGlobalOptions: true })
  .exitOverride((error) => {
    if (error.exitCode === 0) process.exit(exitCodes.ok);
    // What commander refuses it has told people already, and has parsed no options from.
    const message = error.message.replace(/^error: /, "");
    if (process.argv.includes("--json")) sayJsonNow(asErrorLine(new UlptError("OPTION_INVALID", message)));
    process.exit(exitCodes.experiment);
  });

/** Whether the command that runs was given `--json`. */
let asJson = false;
program.hook("preAction", (_program, command) => {
  asJson = command.opts().json === true;
});

const json = () =>
  new Option(
    "--json",
    'one JSON object a line, for machines; of a failure the last is {"type":"error","code":…}',
  ).default(false);
const device = () => new Option("--device <name>", "where to run").choices(["auto", ...devices]);
const pinnedDevices = () =>
  new Option(
    "--devices <list>",
    "train a run on each of these at a time: GPUs (cuda:0,cuda:1), or groups of cores (cpu:0-3,cpu:4-7), to which taskset holds its process where there is one (Linux); else a group only says with how many threads a run computes",
  );
const precision = () =>
  new Option("--precision <name>", "of the model's weights (default: that of the training)").choices(precisions);
const runGeneratedCode = () =>
  new Option("--run-generated-code", "run programs that the model writes, for tasks scored by their tests").default(
    false,
  );
const ignoreMemory = () =>
  new Option("--ignore-memory", "train although more memory is needed than there is, by an estimate").default(false);
const collect = (value: string, previous: string[]) => [...previous, value];

function collectTexts(value: string, previous: string[]): string[] {
  if (value === "") throw new InvalidArgumentError("It must be a text of at least one character.");
  return collect(value, previous);
}

function collectConditions(text: string, previous: Condition[]): Condition[] {
  const condition = parseCondition(text);
  if (condition) return [...previous, condition];
  throw new InvalidArgumentError("It must be a field, one of = != < <= > >=, and a value, like rank>=8.");
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It must be a whole number of at least 1.");
  return value;
}

function positiveIntegers(text: string): number[] {
  return text.split(",").map(positiveInteger);
}

function precisionList(text: string): Precision[] {
  const named = text.split(",").map((name) => {
    const found = precisions.find((known) => known === name.trim());
    if (found) return found;
    throw new InvalidArgumentError(`It must be a list of ${precisions.join(", ")}.`);
  });
  return [...new Set(named)];
}

function evaluatedStep(text: string): number | "best" | "last" {
  if (text === "best" || text === "last") return text;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number, best or last.");
}

/** Reads a number that says how an answer is written, as the editor's form does. */
function answerNumber(name: keyof AnswerNumbers, expected: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (acceptsNumber[name](value)) return value;
    throw new InvalidArgumentError(`It must be ${expected}.`);
  };
}

const onCluster = () =>
  new Option("--on <profile>", "have Slurm train, by a launch profile; slurm means the usual one").conflicts("devices");
const detach = () => new Option("--detach", "with --on: submit, and do not follow").default(false);

program
  .command("train <experiment>")
  .description("train every run of an experiment file (*.ulpt.json) and compare them")
  .option("--continue", "take up runs of the same settings that are there, and train only what is missing", false)
  .option("--parallel <count>", "train so many runs at a time, each with its share of the cores", positiveInteger, 1)
  .addOption(pinnedDevices().conflicts("parallel"))
  .option("--set <key=value>", "change a setting, e.g. training.steps=100 or rank=[2,16]; may be repeated", collect, [])
  .option(
    "--workspace <folder>",
    "where .ulpt/runs goes (default: nearest folder with .ulpt or .vscode, else the file's)",
  )
  .addOption(onCluster())
  .addOption(detach())
  .addOption(ignoreMemory())
  .addOption(runGeneratedCode())
  .addOption(json())
  .action((file: string, options) => inThread("train", file, options));

program
  .command("resume <run>")
  .description("go on with a run exactly where it was saved")
  .option("--take-over", "take the run from a process that still seems to hold it", false)
  .option("--devices <device>", "the device to go on on, of the kind that it began on: cuda:1, cpu:0-3")
  .addOption(onCluster())
  .addOption(detach())
  .addOption(ignoreMemory())
  .addOption(new Option("--pause-at <step>", "pause it after this step").argParser(positiveInteger).hideHelp())
  .addOption(runGeneratedCode())
  .addOption(json())
  .action((run: string, options) => inThread("resume", run, options));

const workspaceOfSweeps = () =>
  new Option("--workspace <folder>", "default: nearest folder upwards with .ulpt or .vscode");
const whichSweep = "its name, or its experiment's (default: the newest that is not at its end)";
const sweeps = program
  .command("sweep")
  .description("look at the sweeps of the workspace, and pause, continue, shorten or stop one");
sweeps
  .command("list", { isDefault: true })
  .description("every sweep in a line")
  .addOption(workspaceOfSweeps())
  .addOption(json())
  .action(inMain("listAllSweeps"));
sweeps
  .command("show")
  .description("the runs of a sweep, in its order")
  .argument("[sweep]", whichSweep)
  .addOption(workspaceOfSweeps())
  .addOption(json())
  .action(inMain("showSweep"));
sweeps
  .command("pause")
  .description("have its runs save, and begin none until it is continued")
  .argument("[sweep]", whichSweep)
  .addOption(workspaceOfSweeps())
  .addOption(json())
  .action(inMain("pauseSweep"));
sweeps
  .command("continue")
  .description("go on with a sweep that was paused, stopped or killed; no finished run is trained again")
  .argument("[sweep]", whichSweep)
  .option("--take-over", "take the sweep from a process that still seems to lead it", false)
  .addOption(pinnedDevices().default(undefined, "those that it began on"))
  .addOption(ignoreMemory())
  .addOption(workspaceOfSweeps())
  .addOption(runGeneratedCode())
  .addOption(json())
  .action((sweep: string | undefined, options) => inThread("continueSweep", sweep, options));
sweeps
  .command("join")
  .description(
    "train runs of a sweep here that another host of a shared folder leads; goes on with one that nobody leads",
  )
  .argument("[sweep]", whichSweep)
  .addOption(new Option("--parallel <count>", "so many at a time (default: as the sweep)").argParser(positiveInteger))
  .addOption(pinnedDevices().conflicts("parallel"))
  .addOption(ignoreMemory())
  .addOption(workspaceOfSweeps())
  .addOption(runGeneratedCode())
  .addOption(json())
  .action((sweep: string | undefined, options) => inThread("joinSweep", sweep, options));
sweeps
  .command("drop <run>")
  .description("leave a run out; if it is being trained it saves and stops")
  .option("--sweep <sweep>", whichSweep)
  .addOption(workspaceOfSweeps())
  .addOption(json())
  .action(inMain("dropFromSweep"));
sweeps
  .command("next <run>")
  .description("begin a run before all others that wait")
  .option("--sweep <sweep>", whichSweep)
  .addOption(workspaceOfSweeps())
  .addOption(json())
  .action(inMain("trainNextInSweep"));
sweeps
  .command("stop")
  .description("have its runs save, and end it")
  .argument("[sweep]", whichSweep)
  .addOption(workspaceOfSweeps())
  .addOption(json())
  .action(inMain("stopSweep"));

program
  .command("stop <run>")
  .description("ask a running run to save a checkpoint and stop, or take one out of a scheduler's queue")
  .action(inMain("stopRun"));

program
  .command("evaluate <run-checkpoint-or-prompt>")
  .description("score a checkpoint (of a run: its best), or with --task an exported prompt, and keep what came of it")
  .addOption(new Option("--split <name>", "rows to score").choices(evaluatedSplits).default("test"))
  .option(
    "--file <path>",
    "score the rows of a data file, read as the task reads its own; a part of it like FILE[:100]",
  )
  .option("--task <task-or-experiment>", "what to score an exported prompt on")
  .addOption(device())
  .addOption(precision())
  .addOption(runGeneratedCode())
  .addOption(json())
  .action((target: string, options) => inThread("evaluate", target, options));

program
  .command("predict <run-checkpoint-or-prompt> <text...>")
  .description("answer texts with and without the prompt of a run, a checkpoint or an exported file")
  .option("--raw", "take each text as the whole source, without the task's template", false)
  .option("--max-new-tokens <count>", "longest answer", positiveInteger)
  .option("--stop <text>", "end an answer before this text; may be repeated", collectTexts, [])
  .option(
    "--temperature <number>",
    "draw tokens, above 1 more freely; 0 takes the most probable",
    answerNumber("temperature", "0 or a number above 0"),
  )
  .option("--top-k <count>", "draw from so many of the most probable tokens", positiveInteger)
  .option(
    "--top-p <share>",
    "draw from the most probable tokens that reach this probability",
    answerNumber("topP", "a number above 0, at most 1"),
  )
  .option(
    "--repetition-penalty <number>",
    "above 1, what was read or written is less probable",
    answerNumber("repetitionPenalty", "a number above 0"),
  )
  .option(
    "--seed <number>",
    "draw tokens, the same ones each time (default where tokens are drawn: 0)",
    answerNumber("seed", "a whole number from 0 to 2^53 − 1"),
  )
  .addOption(device())
  .addOption(precision())
  .addOption(json())
  .action((target: string, texts: string[], options) => inThread("predict", target, texts, options));

program
  .command("show <run-checkpoint-or-prompt>")
  .description("print a prompt from inside: metrics, and each token's norm, nearest words and how far it moved")
  .option("--precision <digits>", "digits after the point", positiveInteger)
  .addOption(json())
  .action((target: string, options) => inThread("show", target, options));

program
  .command("export <run-checkpoint-or-prompt> <name>")
  .description("write a checkpoint (of a run: its best) to prompts/NAME.prompt.safetensors, to be shared")
  .option("--peft", "instead write prompts/NAME.peft, an adapter folder that PEFT loads", false)
  .option("--safetensors", "instead write prompts/NAME.prompt_embeds.safetensors, its embeddings [n, d]", false)
  .option("--npy", "instead write prompts/NAME.prompt_embeds.npy, its embeddings for NumPy", false)
  .option("--workspace <folder>", "where prompts/ goes (default: the run's workspace)")
  .addOption(json())
  .action((target: string, name: string, options) => inThread("export", target, name, options));

program
  .command("import <adapter> <name>")
  .description("make prompts/NAME.prompt.safetensors of a PEFT adapter's folder (PROMPT_TUNING or P_TUNING)")
  .requiredOption("--model <folder-or-id>", "the model that it was made for")
  .option("--template <text>", "how a text becomes what the model reads", "{text}")
  .option("--max-source-length <tokens>", "longest text that the model reads", positiveInteger, defaultSourceLength)
  .option("--max-new-tokens <count>", "longest answer", positiveInteger)
  .option("--transformers <version>", "with which it was trained: of Gemma 1 and 2 it decides what the numbers mean")
  .option("--workspace <folder>", "where prompts/ goes (default: nearest folder upwards with .ulpt or .vscode)")
  .addOption(json())
  .action((folder: string, name: string, options) => inThread("import", folder, name, options));

program
  .command("serve")
  .description("answer an editor's questions, JSON-RPC over stdin and stdout")
  .action(inMain("serve"));

program
  .command("verify")
  .description("compare loss, logits and dLoss/dE with a reference case; one JSON line")
  .requiredOption("--model <folder>", "model folder")
  .requiredOption("--case <file>", "NAME.json or NAME.safetensors of the case")
  .addOption(device().default("cpu"))
  .action((options) => inThread("verify", options));

program
  .command("runs")
  .description("list the runs of the workspace")
  .option("--workspace <folder>", "default: nearest folder upwards with .ulpt or .vscode")
  .option(
    "--where <condition>",
    `only runs of which it holds, e.g. "rank>=8", method=ulpt or "training.learningRate<0.5": ${fieldNames.join(", ")}, a score by any metric like test.f1, or a setting; may be repeated`,
    collectConditions,
    [],
  )
  .option("--tag <tag>", "only runs that have it; may be repeated", collectTexts, [])
  .option("--starred", "only runs with a star", false)
  .option("--sort <field>", "by any of those; -FIELD from the largest on")
  .addOption(json())
  .action(inMain("showRuns"));

const removal = (what: string) => new Option("--remove", `take ${what} away`).default(false);
program
  .command("tag <run> [tag...]")
  .description("give a run tags, which `ulpt runs --tag` finds; without any, show what it has")
  .addOption(removal("them"))
  .addOption(json())
  .action(inMain("tagRun"));

program
  .command("note <run> [text]")
  .description("keep a note with a run, in the place of the one that it has; without a text, show it")
  .addOption(removal("it"))
  .addOption(json())
  .action(inMain("noteRun"));

program
  .command("star <run>")
  .description("give a run a star, which `ulpt runs --starred` finds")
  .addOption(removal("it"))
  .addOption(json())
  .action(inMain("starRun"));

program
  .command("rows <run>")
  .description("list what a run answered to each row of an evaluation: source, target, answer, right or wrong, loss")
  .option("--step <step>", "a step that was evaluated, best or last", evaluatedStep, "best")
  .addOption(
    new Option("--split <name>", "whose rows (default: test, if the run has been tested)").choices(evaluatedSplits),
  )
  .addOption(new Option("--file <path>", "the rows of a data file that it was evaluated on").conflicts("split"))
  .option("--wrong", "only rows that were not answered right", false)
  .addOption(json().conflicts("csv"))
  .option("--csv", "write a table for a spreadsheet", false)
  .action(inMain("showRows"));

program
  .command("diff <first> <second>")
  .description(
    "say which rows the second answers right that the first did not, and which it broke: runs (of a step: RUN@200), checkpoints, exported prompts, or unprompted",
  )
  .addOption(new Option("--at <step>", "of a run its best or last step").choices(["best", "last"]).default("best"))
  .addOption(
    new Option("--split <name>", "whose rows (default: test, if both were evaluated on them)").choices(evaluatedSplits),
  )
  .addOption(new Option("--file <path>", "the rows of a data file that both were evaluated on").conflicts("split"))
  .option("--evaluate", "evaluate what was not yet, and keep that", false)
  .option("--task <task-or-experiment>", "what to evaluate exported prompts on (default: the task of the run beside)")
  .option("--all", "also list rows that did not change", false)
  .addOption(device())
  .addOption(runGeneratedCode())
  .addOption(json())
  .action((first: string, second: string, options) => inThread("diff", first, second, options));

program.command("tasks").description("list the tasks of the registry").addOption(json()).action(inMain("listTasks"));

program
  .command("data <task-or-experiment>")
  .description("show the first rows of a split as the model will see them")
  .addOption(new Option("--split <name>", "rows to show").choices(splitNames).default("train"))
  .option("--rows <count>", "how many", positiveInteger, 5)
  .option("--model <folder-or-id>", "whose tokens to count (default: the experiment's)")
  .addOption(new Option("--variant <name>", "of a task of the registry").choices(variantNames))
  .addOption(json())
  .action((name: string, options) => inThread("data", name, options));

program
  .command("cost <config-or-model>")
  .description("reckon what a prompt costs a model, from its config.json alone; with --measure also time it")
  .option("--prompt-length <count>", "tokens of the prompt", positiveInteger, 100)
  .option("--rank <list>", "ranks of the methods that have one, e.g. 2,64", positiveIntegers, costDefaults.ranks)
  .option("--measure", "time the projection, reading and writing, with and without a prompt; needs the weights", false)
  .option("--text-length <list>", "tokens of the texts to read", positiveIntegers, costDefaults.textLengths)
  .addOption(device())
  .addOption(json())
  .action((name: string, options) => inThread("cost", name, options));

program
  .command("paper [result]")
  .description(
    "list the published results, or print the experiment that repeats one (with --json: in its result's line)",
  )
  .addOption(json())
  .action(inMain("showPaper"));

program
  .command("compare <run-or-experiment...>")
  .description(
    "put any runs side by side, all runs of an experiment (its file, or its name) among them: scores with intervals, paired tests on the same rows, what each costs",
  )
  .addOption(
    new Option("--at <step>", "a step that was evaluated, best or last").argParser(evaluatedStep).default("best"),
  )
  .addOption(new Option("--split <name>", "whose rows (default: test, if a run was tested)").choices(evaluatedSplits))
  .addOption(
    new Option("--file <path>", "scores on the rows of a data file, as `ulpt evaluate --file` kept them").conflicts(
      "split",
    ),
  )
  .option(
    "--baseline <run>",
    "test the others against the seeds of this run (default: vanilla prompt tuning, or the first)",
  )
  .option("--workspace <folder>", "default: nearest folder upwards, of the file if one is given, with .ulpt or .vscode")
  .option("--paper", "instead compare one experiment with the published result that it repeats", false)
  .addOption(new Option("--markdown", "write it as Markdown").default(false).conflicts(["latex", "csv", "json"]))
  .addOption(new Option("--latex", "write it as LaTeX, with booktabs").default(false).conflicts(["csv", "json"]))
  .addOption(new Option("--csv", "write a table for a spreadsheet").default(false).conflicts("json"))
  .addOption(json())
  .action(inMain("compare"));

program
  .command("download <what...>")
  .description("fetch models (google-t5/t5-base), the data sets of tasks (sst2) and all that experiments need, once")
  .addOption(json())
  .action((names: string[], options) => inThread("download", names, options));

program
  .command("quantize <model>")
  .description("round a model's weights, as experiments with that precision do when they first need them")
  .addOption(new Option("--precision <name>", "to what").choices(quantizedPrecisions).default("int8"))
  .addOption(
    new Option(
      "--device <name>",
      "that will multiply them (default: the first that does, for int8 and int4 cpu)",
    ).choices(quantizedDevices),
  )
  .addOption(json())
  .action((name: string, options) => inThread("quantize", name, options));

program
  .command("devices")
  .description("try every device on a small graph; install what one needs, or remove it")
  .addOption(
    new Option("--install <device>", "fetch onnxruntime's libraries for it, after a question").choices(["cuda"]),
  )
  .addOption(new Option("--remove <device>", "remove what was installed for it").choices(["cuda"]).conflicts("install"))
  .option("--yes", "install without a question", false)
  .addOption(json())
  .action(async (options) => {
    const { agreeToCuda, listDevices, removeDevice } = await here();
    if (options.remove) removeDevice(options);
    else if (!options.install) await listDevices(options);
    else if (await agreeToCuda(options)) await inThread("installDevice", options);
  });

program
  .command("bench")
  .description(
    "time training steps on this machine, in several precisions in turns; ends in a line to paste into an issue",
  )
  .option("--model <folder-or-id>", "instead of one with random weights, a model folder or a model of the Hub")
  .addOption(
    new Option("--shape <name>", "of the model with random weights")
      .choices(shapeNames)
      .default("t5-small")
      .conflicts("model"),
  )
  .addOption(device().default("auto"))
  .addOption(
    new Option("--precision <list>", `of ${precisions.join(", ")} (default: those that the device has)`).argParser(
      precisionList,
    ),
  )
  .option("--batch <rows>", "rows of a step", positiveInteger, 4)
  .option(
    "--source <tokens>",
    "of each row; of a model that goes on with a text all that it reads",
    positiveInteger,
    128,
  )
  .option("--target <tokens>", "of each row", positiveInteger, 4)
  .option("--prompt-length <count>", "tokens of the prompt", positiveInteger, 100)
  .option("--gradient-checkpointing", "time steps with training.gradientCheckpointing, too", false)
  .option("--steps <count>", "to time of each kind", positiveInteger, 7)
  .addOption(json())
  .action((options) => inThread("bench", options));

program.command(memoryCommand, { hidden: true }).argument("<request>").action(inMain("printBenchMemory"));

program
  .command("cluster")
  .description("try the Slurm of this login node with a job of a minute, and say what it saw")
  .option("--profile <name>", "of ~/.config/ulpt/launch.json (default: the one called default, if there is one)")
  .option("--wait <minutes>", "how long the job may stay in the queue", positiveInteger, 10)
  .option("--workspace <folder>", "whose folder the job has to see (default: nearest upwards with .ulpt or .vscode)")
  .addOption(json())
  .action(inMain("checkCluster"));

program.command(answerCommand, { hidden: true }).argument("<file>").action(inMain("writeAnswer"));

program
  .command(jobCommand, { hidden: true })
  .argument("<folder>")
  .argument("<first>")
  .addOption(ignoreMemory())
  .addOption(runGeneratedCode())
  .action(inMain("runJob"));

program
  .command(probeCommand, { hidden: true })
  .argument("<device>")
  .argument("[precisions...]")
  .action(inMain("printProbe"));

/** Says what ended the command. */
function tellEnd(error: unknown): void {
  tell(error, asJson);
  process.exitCode = error instanceof UlptError ? error.exitCode : exitCodes.internal;
}

outliveOutput();
// What nobody awaited would be printed by Node.js as it is.
process.on("uncaughtException", (error) => {
  tellEnd(error);
  process.exit();
});
try {
  await program.parseAsync();
} catch (error) {
  tellEnd(error);
}
