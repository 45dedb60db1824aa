/** @file Bad input: each a clear error with its code and exit code, and nothing left broken. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { listRuns } from "../../src/listing/summary.ts";
import { expectFailure, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  createWorkspace,
  expectReadable,
  rewriteHeader,
  rewriteJson,
  rewriteMetadata,
  type Workspace,
} from "../support/workspace.ts";

const folder = temporaryFolder();
afterAll(killLeftovers);

interface Row {
  /** The input, as a title. */
  input: string;
  spoil?: (workspace: Workspace) => void;
  /** Beside `train small.ulpt.json`. */
  args?: string[];
  code: ErrorCode;
  exit: number;
  /** Where the error says it happened. */
  where: string;
}

const wi = "encoder.block.0.layer.1.DenseReluDense.wi.weight";
const wo = "encoder.block.0.layer.1.DenseReluDense.wo.weight";
const weights = (workspace: Workspace) => workspace.path("model", "model.safetensors");
const config = (change: (value: Record<string, unknown>) => void) => (workspace: Workspace) =>
  rewriteJson(workspace.path("model", "config.json"), change);
const set = (...settings: string[]) => settings.flatMap((setting) => ["--set", setting]);

const models: Row[] = [
  {
    input: "a model folder that is not there",
    args: set("model=./models/nowhere"),
    code: "MODEL_MISSING",
    exit: 3,
    where: "models/nowhere",
  },
  {
    input: "a model folder without weights",
    spoil: (workspace) => rmSync(weights(workspace)),
    code: "MODEL_MISSING",
    exit: 3,
    where: "model",
  },
  {
    input: "a model folder without config.json",
    spoil: (workspace) => rmSync(workspace.path("model", "config.json")),
    code: "MODEL_MISSING",
    exit: 3,
    where: "model",
  },
  {
    input: "a truncated model file",
    spoil: (workspace) => truncateSync(weights(workspace), 100_000),
    code: "SAFETENSORS_INVALID",
    exit: 3,
    where: "model.safetensors, tensor ",
  },
  {
    input: "a model file cut within its header",
    spoil: (workspace) => truncateSync(weights(workspace), 100),
    code: "SAFETENSORS_INVALID",
    exit: 3,
    where: "model.safetensors",
  },
  {
    input: "a header longer than the file",
    spoil: (workspace) => {
      const bytes = readFileSync(weights(workspace));
      bytes.writeBigUInt64LE(2n ** 62n);
      writeFileSync(weights(workspace), bytes);
    },
    code: "SAFETENSORS_INVALID",
    exit: 3,
    where: "model.safetensors",
  },
  {
    input: "tensors that overlap",
    spoil: (workspace) =>
      rewriteHeader(weights(workspace), (header) => {
        header[wo]!.data_offsets = header[wi]!.data_offsets;
      }),
    code: "SAFETENSORS_INVALID",
    exit: 3,
    where: "model.safetensors",
  },
  {
    input: "offsets out of range",
    spoil: (workspace) =>
      rewriteHeader(weights(workspace), (header) => {
        header[wi]!.data_offsets = header[wi]!.data_offsets.map((offset) => offset + 1e9) as [number, number];
      }),
    code: "SAFETENSORS_INVALID",
    exit: 3,
    where: `model.safetensors, tensor "${wi}"`,
  },
  {
    input: "a shape that is not the config's",
    spoil: (workspace) => rewriteHeader(weights(workspace), (header) => header[wi]!.shape.reverse()),
    code: "MODEL_TENSOR",
    exit: 3,
    where: `model.safetensors, tensor "${wi}"`,
  },
  {
    input: "a config that is not the weights'",
    spoil: config((value) => {
      value.num_decoder_layers = 7;
    }),
    code: "MODEL_TENSOR",
    exit: 3,
    where: 'tensor "decoder.block.',
  },
  {
    input: "a dtype that is not a float",
    spoil: (workspace) =>
      rewriteHeader(weights(workspace), (header) => {
        header[wi]!.dtype = "I32";
      }),
    code: "MODEL_UNSUPPORTED",
    exit: 3,
    where: `model.safetensors, tensor "${wi}"`,
  },
  {
    input: "an unknown architecture",
    spoil: config((value) => {
      value.model_type = "bart";
    }),
    code: "MODEL_UNSUPPORTED",
    exit: 3,
    where: 'config.json, field "model_type"',
  },
  {
    input: "a config without a size",
    spoil: config((value) => {
      delete value.d_model;
    }),
    code: "MODEL_CONFIG",
    exit: 3,
    where: 'config.json, field "d_model"',
  },
  {
    input: "a model without a tokenizer",
    spoil: (workspace) => rmSync(workspace.path("model", "tokenizer.json")),
    code: "TOKENIZER_MISSING",
    exit: 3,
    where: "model",
  },
  {
    input: "a tokenizer that is no JSON",
    spoil: (workspace) => writeFileSync(workspace.path("model", "tokenizer.json"), "<html>"),
    code: "TOKENIZER_INVALID",
    exit: 3,
    where: "tokenizer.json",
  },
  {
    input: "a tokenizer with more tokens than the model",
    spoil: (workspace) => {
      const rows = 20;
      rewriteHeader(weights(workspace), (header) => {
        const { shape, data_offsets: offsets } = header["shared.weight"]!;
        offsets[1] = offsets[0] + rows * shape[1]! * 4;
        shape[0] = rows;
      });
      config((value) => {
        value.vocab_size = rows;
      })(workspace);
    },
    code: "TOKENIZER_INVALID",
    exit: 3,
    where: "model",
  },
];

const data: Row[] = [
  {
    input: "a data file that is not there",
    args: set("task.test=nowhere.jsonl"),
    code: "DATA_UNREADABLE",
    exit: 3,
    where: "nowhere.jsonl",
  },
  {
    input: "an empty data file",
    spoil: (workspace) => writeFileSync(workspace.path("train.jsonl"), ""),
    code: "DATA_EMPTY",
    exit: 3,
    where: "train.jsonl",
  },
  {
    input: "a CSV file with a row that is too short",
    spoil: (workspace) => writeFileSync(workspace.path("ragged.csv"), "text,label\na b,1\na b\n"),
    args: set("task.train=ragged.csv"),
    code: "DATA_RAGGED",
    exit: 3,
    where: "ragged.csv:3",
  },
  {
    input: "a line that is no JSON",
    spoil: (workspace) => appendFileSync(workspace.path("train.jsonl"), '{"text": "a", "lab'),
    code: "DATA_SYNTAX",
    exit: 3,
    where: "train.jsonl:49",
  },
  {
    input: "a file that is not UTF-8",
    spoil: (workspace) => writeFileSync(workspace.path("validation.jsonl"), Buffer.from([0xff, 0xfe, 0x7b, 0x00])),
    code: "DATA_ENCODING",
    exit: 3,
    where: "validation.jsonl",
  },
  {
    input: "a template field that is not in the data",
    args: set("task.template={sentence}"),
    code: "DATA_FIELD_MISSING",
    exit: 3,
    where: 'train.jsonl:1, field "sentence"',
  },
  {
    input: "a label that is not among the labels",
    args: set('task.labels=["yes","no"]'),
    code: "DATA_LABEL",
    exit: 3,
    where: "train.jsonl:1",
  },
  {
    input: "a label longer than the target length",
    args: set("task.maxTargetLength=1"),
    code: "LABEL_TOO_LONG",
    exit: 3,
    where: "train.jsonl:1",
  },
  {
    input: "a validation split that leaves nothing to train on",
    spoil: (workspace) =>
      rewriteJson(workspace.path("small.ulpt.json"), (value) => {
        Object.assign(value.task as object, { validation: undefined, validationSplit: { count: 48 } });
      }),
    code: "DATA_SPLIT",
    exit: 3,
    where: "train.jsonl, validationSplit",
  },
];

const experiments: Row[] = [
  {
    input: "rank 0",
    spoil: (workspace) => workspace.experiment("small", { rank: 0 }),
    code: "EXPERIMENT_INVALID",
    exit: 2,
    where: "small.ulpt.json:",
  },
  {
    input: "prompt length 0",
    spoil: (workspace) => workspace.experiment("small", { promptLength: 0 }),
    code: "EXPERIMENT_INVALID",
    exit: 2,
    where: "small.ulpt.json:",
  },
  { input: "rank 0 by --set", args: set("rank=[2,0]"), code: "OPTION_INVALID", exit: 2, where: "--set rank=[2,0]" },
  {
    input: "an experiment file that is cut off",
    spoil: (workspace) => writeFileSync(workspace.path("small.ulpt.json"), '{\n  "model": "model",\n  "task": {'),
    code: "EXPERIMENT_SYNTAX",
    exit: 2,
    where: "small.ulpt.json:3",
  },
  {
    input: "an experiment file that is not there",
    spoil: (workspace) => rmSync(workspace.path("small.ulpt.json")),
    code: "EXPERIMENT_UNREADABLE",
    exit: 2,
    where: "small.ulpt.json",
  },
  {
    input: "a setting that does not exist",
    args: set("training.step=10"),
    code: "OPTION_INVALID",
    exit: 2,
    where: "--set training.step=10",
  },
  {
    input: "an initialisation text without tokens",
    args: set("method=vanilla", 'initialization={"from":"text","text":" "}'),
    code: "OPTION_INVALID",
    exit: 2,
    where: "initialization.text",
  },
];

const kinds: [what: string, rows: Row[], copyModel: boolean][] = [
  ["a model", models, true],
  ["data", data, false],
  ["an experiment", experiments, false],
];

describe.each(kinds)("%s that cannot be used:", (what, rows, copyModel) => {
  for (const { input, spoil, args = [], ...expected } of rows) {
    it.concurrent(`${input} is ${expected.code}, exit code ${expected.exit}, and makes no run`, async () => {
      const workspace = createWorkspace(folder(`${what} ${input}`.replaceAll(/\W+/g, "-")), { copyModel });
      workspace.experiment("small");
      spoil?.(workspace);
      const end = await ulpt(["train", "small.ulpt.json", ...args], { cwd: workspace.folder });
      expectFailure(end, expected);
      expect(existsSync(workspace.path(".ulpt"))).toBe(false);
    });
  }
});

describe("what an error suggests", () => {
  it("names the setting that was probably meant", async () => {
    const workspace = createWorkspace(folder("suggest"));
    const end = await ulpt(["train", workspace.experiment("small"), "--set", "training.step=10"], {
      cwd: workspace.folder,
    });
    expect(end.stderr).toContain('Did you mean "training.steps"?');
  });

  it("names the option that was probably meant, exit code 2", async () => {
    const end = await ulpt(["train", "small.ulpt.json", "--jsom"], { cwd: folder() });
    expect(end.stderr).toContain("--json");
    expect(end.code).toBe(2);
  });

  it("names the devices that work where the one asked for does not", async () => {
    const workspace = createWorkspace(folder("device"));
    const missing = process.platform === "win32" ? "coreml" : "dml";
    const end = await ulpt(["train", workspace.experiment("small"), "--set", `device=${missing}`], {
      cwd: workspace.folder,
    });
    expectFailure(end, { code: "DEVICE_MISSING", exit: 1, where: "available: cpu" });
    expect(end.stderr).toContain('"cpu"');
    expect(existsSync(workspace.path(".ulpt"))).toBe(false);
  });

  it("is the list of runs where there is no such run", async () => {
    for (const command of ["resume", "stop", "evaluate"]) {
      const end = await ulpt([command, "small/nowhere"], { cwd: folder() });
      expectFailure(end, { code: "RUN_MISSING", exit: 1, where: "nowhere" });
      expect(end.stderr).toContain("`ulpt runs`");
    }
  });

  it("is the path where a file is no checkpoint in its run, whatever lies two folders up", async () => {
    const workspace = createWorkspace(folder("no-checkpoint"));
    for (const file of ["model/model.safetensors", "model/nowhere.safetensors"]) {
      const end = await ulpt(["evaluate", file], { cwd: workspace.folder });
      expectFailure(end, { code: "RUN_MISSING", exit: 1, where: workspace.path(file) });
      expect(end.stderr).not.toContain(".ulpt");
    }
  });

  it("is the run or `ulpt predict` where an exported prompt is to be scored, which has no data with it", async () => {
    const end = await ulpt(["evaluate", "prompts/notes.prompt.safetensors"], { cwd: folder() });
    expectFailure(end, { code: "RUN_MISSING", exit: 1, where: folder("prompts", "notes.prompt.safetensors") });
    expect(end.stderr).toContain("`ulpt predict`");
  });

  it("is the path where a workspace to read from is no folder", async () => {
    for (const command of [["runs"], ["compare", "small"]]) {
      const end = await ulpt([...command, "--workspace", "nowhere"], { cwd: folder() });
      expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "--workspace nowhere" });
    }
  });
});

describe("a training that cannot go well", () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = createWorkspace(folder("training"));
    workspace.experiment("small", { training: { steps: 20 } });
  });

  it("warns of a rank above the hidden size, on the screen and in the journal, and trains it", async () => {
    const end = await ulptOk(["train", "small.ulpt.json", "--set", "rank=400", "--set", "training.steps=4"], {
      cwd: workspace.folder,
    });
    expect(end.stdout).toMatch(/warning.*400.*hidden size/);
    const journal = readFileSync(workspace.path(".ulpt", "runs", "small", "ulpt-r400-seed1", "events.jsonl"), "utf8");
    expect(journal).toContain('"RANK_ABOVE_HIDDEN_SIZE"');
  });

  it.each([
    { moment: "in its course", settings: ["training.learningRate=1e38", "seed=3"], run: "ulpt-r2-seed3" },
    {
      moment: "in its last step",
      settings: ["training.learningRate=1e38", "training.steps=1", "seed=4"],
      run: "ulpt-r2-seed4",
    },
  ])("stops a run that diverges $moment, and keeps what can be read", async ({ settings, run }) => {
    const end = await ulpt(["train", "small.ulpt.json", ...set("training.warmupSteps=0", ...settings)], {
      cwd: workspace.folder,
    });
    expectFailure(end, { code: "NOT_FINITE", exit: 1, where: "learning rate" });
    expect(`${end.stdout}${end.stderr}`.match(/Lower training\.learningRate/g)).toHaveLength(1);
    const listed = listRuns(workspace.folder).find((entry) => entry.run === run)!;
    expect(listed.state).toBe("failed");
    expectReadable(listed.directory);
    const exit = JSON.parse(readFileSync(`${listed.directory}/exit.json`, "utf8")) as { error: { code: string } };
    expect(exit.error.code).toBe("NOT_FINITE");
    const evaluated = await ulpt(["evaluate", `small/${run}`], { cwd: workspace.folder });
    expect(evaluated.code).toBe(0); // the last checkpoint is of use
  });
});

describe("a folder that cannot be written", () => {
  it("is RUN_UNWRITABLE where a file has the name of the folder of runs", async () => {
    const workspace = createWorkspace(folder("file-in-the-way"));
    writeFileSync(workspace.path(".ulpt"), "");
    const end = await ulpt(["train", workspace.experiment("small")], { cwd: workspace.folder });
    expectFailure(end, { code: "RUN_UNWRITABLE", exit: 1, where: ".ulpt" });
    const runs = await ulptOk(["runs"], { cwd: workspace.folder });
    expect(runs.stdout).toMatch(/^No runs/);
  });

  it.skipIf(process.platform !== "linux")("is RUN_UNWRITABLE where the system makes no folders", async () => {
    const workspace = createWorkspace(folder("proc"));
    const end = await ulpt(["train", workspace.experiment("small"), "--workspace", "/proc/self"], {
      cwd: workspace.folder,
    });
    expectFailure(end, { code: "RUN_UNWRITABLE", exit: 1, where: "/proc/" });
  });
});

describe("a run whose inputs changed", () => {
  let workspace: Workspace;
  let run: string;
  beforeAll(async () => {
    workspace = createWorkspace(folder("changed"), { copyModel: true });
    workspace.experiment("small", { training: { steps: 4, evaluateEvery: 2 } });
    await ulptOk(["train", "small.ulpt.json"], { cwd: workspace.folder });
    run = workspace.run("small", "ulpt-r2-seed1");
    rmSync(`${run}/exit.json`); // as if it had been killed at its very end
  });

  it.each(["train.jsonl", "model/model.safetensors", "model/config.json", "model/tokenizer.json"])(
    "is not resumed with another %s",
    async (name) => {
      const original = folder("original");
      copyFileSync(workspace.path(name), original);
      try {
        if (name.endsWith(".safetensors")) {
          const bytes = readFileSync(workspace.path(name));
          bytes[bytes.length - 2]! ^= 1;
          writeFileSync(workspace.path(name), bytes);
        } else if (name.endsWith(".jsonl")) {
          appendFileSync(workspace.path(name), '{"text": "one more", "label": "1"}\n');
        } else {
          appendFileSync(workspace.path(name), "\n ");
        }
        const journal = readFileSync(`${run}/events.jsonl`);
        const end = await ulpt(["resume", "small/ulpt-r2-seed1"], { cwd: workspace.folder });
        expectFailure(end, { code: "RUN_INVALID", exit: 1, where: run });
        expect(end.stderr).toContain(name.includes("model") ? "The model" : name);
        expect(readFileSync(`${run}/events.jsonl`)).toEqual(journal);
      } finally {
        copyFileSync(original, workspace.path(name));
      }
    },
  );

  it("is neither evaluated nor asked with another model", async () => {
    const bytes = readFileSync(weights(workspace));
    const changed = Buffer.from(bytes);
    changed[bytes.length - 2]! ^= 1;
    writeFileSync(weights(workspace), changed);
    try {
      for (const args of [
        ["evaluate", "small/ulpt-r2-seed1"],
        ["predict", "small/ulpt-r2-seed1", "a text"],
      ]) {
        const end = await ulpt(args, { cwd: workspace.folder });
        expectFailure(end, { code: "MODEL_MISMATCH", exit: 3, where: "step-" });
      }
    } finally {
      writeFileSync(weights(workspace), bytes);
    }
  });

  it("is not used with a projection that its seed does not make", async () => {
    const other = "0".repeat(64);
    const best = `${run}/checkpoints/step-000004.safetensors`;
    const original = readFileSync(best);
    rewriteMetadata(best, (metadata) => {
      metadata.frozen = metadata.frozen!.replace(/"sha256":"\w+"/, `"sha256":"${other}"`);
    });
    const state = `${run}/state.safetensors`;
    const originalState = readFileSync(state);
    rewriteMetadata(state, (metadata) => {
      metadata.values = metadata.values!.replace(/"projection":"\w+"/, `"projection":"${other}"`);
    });
    for (const args of [
      ["evaluate", best],
      ["predict", best, "a text"],
    ]) {
      const end = await ulpt(args, { cwd: workspace.folder });
      expectFailure(end, { code: "PROJECTION_MISMATCH", exit: 3, where: "step-000004.safetensors" });
    }
    const end = await ulpt(["resume", "small/ulpt-r2-seed1"], { cwd: workspace.folder });
    expectFailure(end, { code: "PROJECTION_MISMATCH", exit: 3, where: "state.safetensors" });
    writeFileSync(best, original);
    writeFileSync(state, originalState);
    await ulptOk(["resume", "small/ulpt-r2-seed1"], { cwd: workspace.folder });
  });

  it("is listed beside folders that are no runs, which say so", async () => {
    mkdirSync(workspace.run("small", "empty"));
    const { stdout } = await ulptOk(["runs"], { cwd: workspace.folder });
    expect(stdout).toMatch(/empty\s+unreadable: The folder holds no run/);
    expect(stdout).toMatch(/ulpt-r2-seed1\s+finished/);
  });
});
