/** @file `ulpt evaluate` and `ulpt predict`: a checkpoint at work, beside the model without a prompt. */
import { basename, resolve } from "node:path";
import cliProgress from "cli-progress";
import { UlptError } from "../errors.ts";
import { parseRecordedSettings } from "../experiment/recorded.ts";
import type { Device } from "../graph/devices.ts";
import { Inference } from "../models/inference.ts";
import { openModel } from "../models/model.ts";
import { openTokenizer } from "../models/tokenizer.ts";
import { runPaths } from "../runs/layout.ts";
import { parseTemplate, renderTemplate } from "../tasks/template.ts";
import { loadPrompt } from "../training/artifact.ts";
import { truncateSource } from "../training/dataset.ts";
import { evaluate as evaluateSplit } from "../training/evaluation.ts";
import { modelFolder, Resources } from "../training/resources.ts";
import { resolveDevice } from "./devices.ts";
import { formatPercent } from "./format.ts";
import { findCheckpoint, workspaceOf } from "./workspace.ts";

/** Evaluation needs no gradients, so passes may be larger than training's. */
const tokensPerPass = 3600;

function openTarget(name: string) {
  const { run, path } = findCheckpoint(name);
  const settings = parseRecordedSettings(run.spec.settings, runPaths(run.directory).run);
  return { run, path, settings, directory: resolve(workspaceOf(run), settings.directory) };
}

export async function evaluate(
  name: string,
  options: { split: "validation" | "test"; device?: Device | "auto" | undefined; json: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { run, path, settings, directory } = openTarget(name);
  const { device } = await resolveDevice(options.device ?? (run.spec.device as Device));
  const resources = await Resources.open({ model: settings.model, task: settings.task, directory, device });
  const { dataset, tokenizer, task } = resources;
  const split = dataset[options.split];
  if (split.examples.length === 0) {
    throw new UlptError("DATA_EMPTY", `The task has no ${options.split} rows.`, {
      where: `task.${options.split}`,
      hint: "Name a file with rows in the experiment, or evaluate on the other split.",
    });
  }
  const showBar = !options.json && process.stdout.isTTY;
  const bar = new cliProgress.SingleBar({ format: `  {bar} {value}/{total}  ETA {eta_formatted}`, barsize: 24 });
  if (showBar) bar.start(split.examples.length, 0);
  try {
    const { embeddings } = await loadPrompt(path, settings, resources);
    const labels = dataset.labels?.map(({ text }) => text);
    const passes = {
      maxNewTokens: settings.generation.maxNewTokens ?? dataset.longestTarget,
      maxTokens: tokensPerPass,
      signal,
      onProgress: (done: number) => bar.update(done),
    };
    const result = await evaluateSplit(await resources.inference(), tokenizer, split, labels, embeddings, passes);
    bar.stop();
    const unprompted = await resources.unprompted(split, { ...passes, onProgress: undefined });
    const report = {
      checkpoint: path,
      split: options.split,
      ...result.score,
      loss: result.loss,
      majority: task.majority[options.split],
      unprompted: unprompted.free.score,
      unpromptedAmongLabels: unprompted.amongLabels?.score,
    };
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ ...report, predictions: result.predictions })}\n`);
      return;
    }
    const [low, high] = report.interval;
    const among = report.unpromptedAmongLabels;
    process.stdout.write(
      [
        `${basename(path)} of ${run.spec.run}, ${options.split}, ${report.count} rows`,
        `  ${report.metric}    ${formatPercent(report.score)}   95 % interval ${formatPercent(low)} to ${formatPercent(high)}`,
        ...(report.invalid === undefined ? [] : [`  no label    ${formatPercent(report.invalid)} of the answers`]),
        `  loss        ${report.loss.toFixed(4)} per target token`,
        `  majority    ${report.majority === undefined ? "–" : formatPercent(report.majority)}`,
        `  no prompt   ${formatPercent(report.unprompted)} free${among === undefined ? "" : `, ${formatPercent(among)} among the labels`}`,
        "",
      ].join("\n"),
    );
  } finally {
    bar.stop();
    await resources.release();
  }
}

export async function predict(
  name: string,
  texts: readonly string[],
  options: { device?: Device | "auto" | undefined; maxNewTokens?: number | undefined; raw: boolean; json: boolean },
): Promise<void> {
  const { run, path, settings, directory } = openTarget(name);
  const { device } = await resolveDevice(options.device ?? (run.spec.device as Device));
  const model = openModel(modelFolder(settings.model, directory));
  const tokenizer = openTokenizer(model.folder, model.config.endToken);
  const { embeddings } = await loadPrompt(path, settings, {
    model,
    tokenizer,
    modelSha256: await model.weights.sha256(),
  });
  const sources = texts.map((text) => (options.raw ? text : asSource(text, settings.task.template)));
  const { maxSourceLength } = settings.task;
  const tokens = sources.map((source) =>
    truncateSource(tokenizer.encode(source), maxSourceLength, model.config.endToken),
  );
  const generation = { maxNewTokens: options.maxNewTokens ?? settings.generation.maxNewTokens ?? 20 };
  const answers = async (prompt: boolean): Promise<string[]> => {
    const inference = await Inference.create(model, { device, prompt });
    try {
      const encoded = await inference.encode(tokens, prompt ? embeddings : undefined);
      return (await inference.generate(encoded, generation)).map((ids) => tokenizer.decode(ids));
    } finally {
      await inference.release();
    }
  };
  const withPrompt = await answers(true);
  const withoutPrompt = await answers(false);
  for (const [index, text] of texts.entries()) {
    const answer = { text, source: sources[index], withPrompt: withPrompt[index], withoutPrompt: withoutPrompt[index] };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(answer)}\n`
        : `${answer.source}\n  with prompt     ${answer.withPrompt}\n  without prompt  ${answer.withoutPrompt}\n`,
    );
  }
}

/** A text put where the task's only field is; where there are several, the text must be the whole source. */
function asSource(text: string, template: string): string {
  const parsed = parseTemplate(template);
  const [field, ...others] = parsed.fields;
  if (field === undefined || others.length > 0) return text;
  return renderTemplate(parsed, { line: 1, cells: new Map([[field, text]]) }, "the text");
}
