/**
 * @file What is wrong with an experiment file, and what will go wrong in its runs, found while it is being written: the problems
 * of src/experiment, and those that show only beside the data and the model.
 */
import { resolve } from "node:path";
import { applyEdits, findNodeAtLocation, getNodeValue, modify, type Node } from "jsonc-parser";
import { UlptError } from "../../errors.ts";
import { usedRanks, usualEvaluateEvery } from "../../experiment/expand.ts";
import { parseHubId } from "../../experiment/hubId.ts";
import type { Path } from "../../experiment/jsonSchema.ts";
import { namesNetwork } from "../../experiment/localPath.ts";
import { type Experiment, parseExperiment } from "../../experiment/parse.ts";
import { ExperimentError, type ExperimentProblem } from "../../experiment/problems.ts";
import { boundsProblem, experimentTree } from "../../experiment/tree.ts";
import { modelFolderFiles } from "../../formats/modelFolder.ts";
import { metricFacts } from "../../metrics/names.ts";
import type { PaperCell } from "../../paper/cell.ts";
import { cells, findCell } from "../../paper/results.ts";
import type { TableReading } from "../../tasks/csv.ts";
import { isHubTask, type TaskDefinition, tableReadingOf } from "../../tasks/definition.ts";
import { resolveTask } from "../../tasks/resolve.ts";
import { parseSplit } from "../../tasks/split.ts";
import { type Field, hasField, parseTemplate } from "../../tasks/template.ts";
import { describeLikeness, quoteVisibly } from "../../words/lookalike.ts";
import { suggest } from "../../words/suggest.ts";
import type { DataColumns } from "../data/dataColumns.ts";
import { programsMetric } from "../data/registryTexts.ts";
import { settings as settingNames } from "../ids.ts";
import type { Translate } from "../window/translate.ts";

export interface TextEdit {
  offset: number;
  length: number;
  text: string;
}

export type Fix =
  | { kind: "edit"; title: string; edits: TextEdit[]; preferred: boolean }
  /** Ask for a file or folder and write its path to `path`. */
  | { kind: "choose"; title: string; what: "data" | "model"; path: Path }
  /** Show a setting of VS Code. */
  | { kind: "setting"; title: string; setting: string };

export interface Check {
  /** Stable, for tests and settings of other tools. */
  code: string;
  severity: "error" | "warning" | "information";
  message: string;
  offset: number;
  length: number;
  fixes: Fix[];
}

/** What lies at a path: nothing, or `elsewhere`, which is not looked at unasked. */
export type Kind = "file" | "folder" | "elsewhere" | undefined;

/** What the checks ask beside the text. Paths are absolute. */
export interface Surroundings {
  kind(path: string): Promise<Kind>;
  /** The columns of a data file, as far as they can be made out. */
  columns(path: string, reading: TableReading): Promise<DataColumns | undefined>;
  /** Targets of a data file as `template` renders them, as far as they can be made out. */
  targets(path: string, template: string, reading: TableReading): Promise<readonly string[] | undefined>;
  /** The width of the model in a folder, out of its config.json. */
  hiddenSize(folder: string): Promise<number | undefined>;
  /** Whether programs that a model writes may be run. */
  mayRunPrograms(): boolean;
}

export interface Checked {
  /** The experiment, if it can be used. */
  experiment: Experiment | undefined;
  checks: Check[];
}

/**
 * Checks the text of the experiment file at `file`. What the JSON editor reports by itself, broken syntax, is left to it.
 */
export async function checkExperiment(
  text: string,
  file: string,
  around: Surroundings,
  t: Translate,
): Promise<Checked> {
  let experiment: Experiment;
  try {
    experiment = parseExperiment(text, file);
  } catch (error) {
    if (!(error instanceof ExperimentError)) throw error;
    if (error.code === "EXPERIMENT_SYNTAX") return { experiment: undefined, checks: [] };
    return { experiment: undefined, checks: problemChecks(text, error, t) };
  }
  const place = new Places(text);
  const found = await Promise.all([
    dataChecks(experiment, place, around, t),
    modelChecks(experiment, place, around, t),
  ]);
  const own = [...trainingChecks(experiment, place, t), ...paperChecks(experiment, place, t)];
  return { experiment, checks: [...own, ...programChecks(experiment, place, around, t), ...found.flat()] };
}

/** The nodes of an experiment file. */
class Places {
  readonly text: string;
  private readonly tree: Node | undefined;

  constructor(text: string) {
    this.text = text;
    this.tree = experimentTree(text);
  }

  at(path: Path): { offset: number; length: number } {
    const node = this.tree && findNodeAtLocation(this.tree, [...path]);
    return { offset: node?.offset ?? 0, length: node ? node.length : 1 };
  }

  has(path: Path): boolean {
    return this.tree !== undefined && findNodeAtLocation(this.tree, [...path]) !== undefined;
  }

  set(path: Path, value: unknown): TextEdit[] {
    return setValue(this.text, path, value);
  }
}

/** The edits that set one value of an experiment and leave its comments alone. `undefined` removes it. */
export function setValue(text: string, path: Path, value: unknown): TextEdit[] {
  // Formatting spreads a whole object over lines: only what is new is laid out.
  if (boundsProblem(text)) return [];
  const tree = experimentTree(text);
  const isNew = value !== undefined && !(tree && findNodeAtLocation(tree, [...path]));
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: text.includes("\r\n") ? "\r\n" : "\n" };
  const edits = modify(text, [...path], value, isNew ? { formattingOptions } : {});
  return edits.map(({ offset, length, content }) => ({ offset, length, text: content }));
}

/** `text` after the edits. */
export function editText(text: string, edits: readonly TextEdit[]): string {
  return applyEdits(
    text,
    edits.map(({ offset, length, text: content }) => ({ offset, length, content })),
  );
}

/** Longest text in which fixes are offered. */
const mostFixed = 2 ** 17;

function problemChecks(text: string, { problems, more }: ExperimentError, t: Translate): Check[] {
  const tree = experimentTree(text);
  const checks = problems.map((problem) => schemaCheck(text, tree, problem, t));
  if (more === 0) return checks;
  const message = t("There are {0} more problems in this file.", more);
  return [...checks, { code: "more", severity: "error", message, offset: 0, length: 1, fixes: [] }];
}

function schemaCheck(
  text: string,
  tree: Node | undefined,
  { message, offset, length, path, suggestion }: ExperimentProblem,
  t: Translate,
): Check {
  const fixes: Fix[] = [];
  // An edit parses the text anew, for each problem: no person writes a file in which that takes long.
  if (text.length > mostFixed)
    return { code: "setting", severity: "error", message: sentence(message), offset, length, fixes };
  const node = tree && findNodeAtLocation(tree, [...path]);
  const isKey = node?.parent?.type === "property" && node.parent.children?.[0]?.offset === offset;
  if (suggestion !== undefined && isKey && suggestion.includes(".")) {
    const moved = moveValue(text, tree!, node, path, suggestion.split("."));
    if (moved) fixes.push(editFix(t('Move to "{0}"', suggestion), [moved]));
  } else if (suggestion !== undefined) {
    fixes.push(editFix(t('Change to "{0}"', suggestion), [{ offset, length, text: JSON.stringify(suggestion) }]));
  } else if (isKey) {
    fixes.push(editFix(t('Remove "{0}"', String(path.at(-1))), setValue(text, path, undefined)));
  }
  return { code: "setting", severity: "error", message: sentence(message), offset, length, fixes };
}

/** The edit that takes the value at `from` to `to`; undefined where something stands there already. */
function moveValue(text: string, tree: Node, node: Node, from: Path, to: Path): TextEdit | undefined {
  if (findNodeAtLocation(tree, [...to])) return undefined;
  const removed = editText(text, setValue(text, from, undefined));
  return difference(text, editText(removed, setValue(removed, to, getNodeValue(node))));
}

/** One edit that makes `after` of `before`: only what differs, so that the cursor stays. */
function difference(before: string, after: string): TextEdit {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { offset: start, length: before.length - start - end, text: after.slice(start, after.length - end) };
}

function editFix(title: string, edits: TextEdit[], preferred = true): Fix {
  return { kind: "edit", title, edits, preferred };
}

/** Messages of src/experiment are sentences without their stop. */
function sentence(message: string): string {
  return /[.?!]$/.test(message) ? message : `${message}.`;
}

function trainingChecks({ settings }: Experiment, place: Places, t: Translate): Check[] {
  const { steps, evaluateEvery, earlyStopping } = settings.training;
  const checks: Check[] = [];
  if (evaluateEvery !== undefined && evaluateEvery > steps) {
    const path = ["training", "evaluateEvery"];
    const better = Math.max(1, Math.floor(steps / 10));
    checks.push({
      code: "no-checkpoint",
      severity: "warning",
      message: t(
        '"evaluateEvery" is {0}, but a run has only {1} steps: no checkpoint but the last will be written.',
        evaluateEvery,
        steps,
      ),
      ...place.at(path),
      fixes: [
        editFix(t("Evaluate every {0} steps", better), place.set(path, better)),
        editFix(t('Remove "evaluateEvery" (default: ten evaluations or more)'), place.set(path, undefined), false),
      ],
    });
  }
  const interval = evaluateEvery ?? usualEvaluateEvery(steps);
  if (earlyStopping && earlyStopping.patience * interval >= steps) {
    const path = ["training", "earlyStopping"];
    checks.push({
      code: "never-stops-early",
      severity: "warning",
      message: t(
        "No run can stop early: {0} evaluations, one every {1} steps, take longer than its {2} steps.",
        earlyStopping.patience,
        interval,
        steps,
      ),
      ...place.at([...path, "patience"]),
      fixes: [editFix(t('Remove "earlyStopping"'), place.set(path, undefined))],
    });
  }
  return checks;
}

function paperChecks({ settings }: Experiment, place: Places, t: Translate): Check[] {
  if (settings.paper === undefined) return [];
  const at = { ...place.at(["paper"]), severity: "error" as const };
  let cell: PaperCell;
  try {
    cell = findCell(settings.paper);
  } catch (error) {
    if (!(error instanceof UlptError)) throw error;
    const near = suggest(
      settings.paper,
      cells().map(({ id }) => id),
    );
    const fixes = near ? [editFix(t('Change to "{0}"', near), place.set(["paper"], near))] : [];
    const message = t("The paper has no result {0}. {1}", JSON.stringify(settings.paper), error.hint ?? "");
    return [{ code: "paper-unknown", message: message.trim(), ...at, fixes }];
  }
  const task = resolveTask(settings.task);
  if (isHubTask(task) && task.name === cell.task) return [];
  const message = t(
    '"paper" names a result on {0}, and this is another task: they cannot be compared.',
    cell.taskTitle,
  );
  const fixes = [
    editFix(t('Remove "paper"'), place.set(["paper"], undefined)),
    editFix(t('Change the task to "{0}"', cell.task), place.set(["task"], cell.task), false),
  ];
  return [{ code: "paper-task", message, ...at, severity: "warning", fixes }];
}

function programChecks(
  { settings }: Experiment,
  place: Places,
  around: Pick<Surroundings, "mayRunPrograms">,
  t: Translate,
): Check[] {
  const metric = programsMetric(resolveTask(settings.task));
  if (metric === undefined || around.mayRunPrograms()) return [];
  return [
    {
      code: "programs-off",
      severity: "warning",
      message: t(
        "{0} is measured by running the programs that the model writes, and that is off: training will refuse to start.",
        metricFacts[metric].title,
      ),
      ...place.at(["task"]),
      fixes: [{ kind: "setting", title: t("Show the setting that allows it"), setting: settingNames.runGeneratedCode }],
    },
  ];
}

const dataKeys = ["train", "validation", "test"] as const;

async function dataChecks(
  { settings, directory }: Experiment,
  place: Places,
  files: Surroundings,
  t: Translate,
): Promise<Check[]> {
  const task = resolveTask(settings.task);
  if (isHubTask(task)) return []; // whether it is there is found out when somebody asks for it
  const checks: Check[] = [];
  const used = new Map<string, string>();
  for (const key of dataKeys) {
    const written = task[key];
    if (written === undefined) continue;
    const { source, part } = parseSplit(written);
    const path = resolve(directory, source);
    const kind = namesNetwork(source) ? "elsewhere" : await files.kind(path);
    const at = place.at(["task", key]);
    if (kind === "elsewhere") {
      checks.push({ code: "data-elsewhere", ...elsewhere(source, t), ...at, fixes: [] });
      continue;
    }
    if (kind !== "file") {
      checks.push({
        code: "data-missing",
        severity: "error",
        message:
          kind === "folder" ? t("The data file is a folder: {0}", path) : t("The data file does not exist: {0}", path),
        ...at,
        fixes: [{ kind: "choose", title: t("Choose file…"), what: "data", path: ["task", key] }],
      });
      continue;
    }
    const twin = used.get(path);
    if (twin !== undefined) {
      checks.push({
        code: "data-shared",
        severity: "warning",
        message: t('"{0}" and "{1}" are the same file: the score will say nothing about new rows.', twin, key),
        ...at,
        fixes: [
          { kind: "choose", title: t("Choose file…"), what: "data", path: ["task", key] },
          editFix(t('Remove "{0}"', key), place.set(["task", key], undefined), false),
        ],
      });
    } else if (!part) used.set(path, key);
    const reading = tableReadingOf(task);
    if (key === "train") checks.push(...fieldChecks(task, await files.columns(path, reading), place, t));
    if (key === "train" && task.maxTargetLength !== undefined) {
      const targets = task.labels ?? (await files.targets(path, task.target, reading)) ?? [];
      const written = targets.map((target) => task.verbalizer?.[target.trim()] ?? target);
      checks.push(...targetLengthChecks(written, task.maxTargetLength, place, t));
    }
  }
  return checks;
}

/** What stands in an experiment is not yet wanted by the person who opened it. */
function elsewhere(path: string, t: Translate): Pick<Check, "severity" | "message"> {
  const message = t(
    "{0} lies outside of this workspace or on another machine: it is looked at when somebody trains, not before.",
    path,
  );
  return { severity: "information", message };
}

/**
 * Targets that are certainly too long. Only the runtime has the tokenizer, but a word is at least one token, and the end token
 * is one more: so nothing that fits is reported.
 */
function targetLengthChecks(targets: readonly string[], maxTargetLength: number, place: Places, t: Translate): Check[] {
  const words = (text: string) => text.trim().split(/\s+/).length;
  const longest = targets.reduce((a, b) => (words(b) > words(a) ? b : a), "");
  const least = words(longest) + 1;
  if (least <= maxTargetLength) return [];
  const path = ["task", "maxTargetLength"];
  return [
    {
      code: "target-too-long",
      severity: "error",
      message: t(
        'The target "{0}" takes at least {1} tokens, its end counted, but "maxTargetLength" is {2}.',
        longest,
        least,
        maxTargetLength,
      ),
      ...place.at(path),
      fixes: [editFix(t('Remove "maxTargetLength" (default: the longest target)'), place.set(path, undefined))],
    },
  ];
}

function fieldChecks(task: TaskDefinition, found: DataColumns | undefined, place: Places, t: Translate): Check[] {
  if (!found) return [];
  const { names, otherDelimiter } = found;
  const missing = (["template", "target"] as const).flatMap((key) =>
    parseTemplate(task[key])
      .fields.filter((field) => !hasField(names, field))
      .map((field) => missingField(task[key], key, field, names, place, t)),
  );
  const conditions = Object.keys(task.where ?? {}).filter((field) => !hasField(names, field));
  missing.push(
    ...conditions.map((field) => ({
      ...missingCheck(field, names, t),
      ...place.at(["task", "where", field]),
      fixes: [editFix(t('Remove "{0}"', field), place.set(["task", "where", field], undefined), false)],
    })),
  );
  if (missing.length === 0 || otherDelimiter === undefined) return missing;
  const delimiter = JSON.stringify(otherDelimiter);
  const title = t("Set the delimiter to {0}", delimiter);
  return [
    {
      code: "delimiter",
      severity: "error",
      message: t("The columns of the training rows seem to be separated by {0}.", delimiter),
      ...place.at(["task", "train"]),
      fixes: [editFix(title, place.set(["task", "delimiter"], otherDelimiter))],
    },
  ];
}

function missingCheck(
  field: string,
  columns: readonly string[],
  t: Translate,
): Pick<Check, "code" | "severity" | "message"> {
  const near = suggest(field, columns);
  const likeness = near === undefined ? undefined : describeLikeness(field, near);
  const message = t('The training rows have no field "{0}". They have: {1}.', field, columns.slice(0, 12).join(", "));
  const twin = likeness === undefined ? "" : ` ${t("{0} differs {1}.", quoteVisibly(near!), likeness)}`;
  return { code: "field-missing", severity: "error", message: message + twin };
}

function missingField(
  template: string,
  key: "template" | "target",
  field: string,
  columns: readonly string[],
  place: Places,
  t: Translate,
): Check {
  const near = suggest(field, columns);
  const candidates = near ? [near] : columns.slice(0, 5);
  return {
    ...missingCheck(field, columns, t),
    ...place.at(["task", key]),
    fixes: candidates.map((column) =>
      editFix(
        t('Change to "{0}"', `{${column}}`),
        place.set(["task", key], replaceField(template, field, column)),
        column === near,
      ),
    ),
  };
}

/** The template with `{to}` for `{from}`; doubled braces stay as they are. */
function replaceField(template: string, from: string, to: string): string {
  return parseTemplate(template)
    .parts.map((part) =>
      typeof part === "string"
        ? part.replaceAll(/[{}]/g, "$&$&")
        : writtenField(part, part.name === from ? to : part.name),
    )
    .join("");
}

/** A field as it was written, with its filters, under another name. */
function writtenField({ written, each }: Field, name: string): string {
  const bar = written.indexOf("|");
  return `{${name}${each ? "[]" : ""}${bar < 0 ? "" : ` ${written.slice(bar)}`}}`;
}

async function modelChecks(experiment: Experiment, place: Places, files: Surroundings, t: Translate): Promise<Check[]> {
  const { settings, directory } = experiment;
  const folder = resolve(directory, settings.model);
  const problem = (code: string, message: string): Check[] => [
    {
      code,
      severity: "error",
      message,
      ...place.at(["model"]),
      fixes: [{ kind: "choose", title: t("Choose folder…"), what: "model", path: ["model"] }],
    },
  ];
  const kind = namesNetwork(settings.model) ? "elsewhere" : await files.kind(folder);
  const unseen = () => [
    { code: "model-elsewhere", ...elsewhere(settings.model, t), ...place.at(["model"]), fixes: [] },
  ];
  if (kind === "elsewhere") return unseen();
  if (kind === undefined && parseHubId(settings.model)) return []; // it comes from the Hub
  if (kind === undefined) return problem("model-missing", t("The model folder does not exist: {0}", folder));
  if (kind === "file") {
    const wanted = modelFolderFiles.map(([first]) => first).join(", ");
    return problem("model-missing", t("The model must be a folder with {0}; this is a file.", wanted));
  }
  const missing: string[] = [];
  for (const alternatives of modelFolderFiles) {
    const kinds = await Promise.all(alternatives.map((name) => files.kind(resolve(folder, name))));
    if (kinds.includes("elsewhere")) return unseen(); // linked to
    if (!kinds.includes("file")) missing.push(alternatives[0]!);
  }
  if (missing.length)
    return problem("model-incomplete", t("The model folder lacks {0}: {1}", missing.join(", "), folder));
  return rankChecks(experiment, await files.hiddenSize(folder), place, t);
}

/** A rank from the model's width on trains as much as vanilla prompt tuning does. */
function rankChecks(experiment: Experiment, hiddenSize: number | undefined, place: Places, t: Translate): Check[] {
  if (hiddenSize === undefined || !place.has(["rank"])) return [];
  const { rank } = experiment.settings;
  const ranks = Array.isArray(rank) ? rank : [rank];
  const used = usedRanks(experiment);
  return ranks.flatMap((value, i): Check[] => {
    if (value < hiddenSize || !used.has(value)) return [];
    return [
      {
        code: "rank-too-high",
        severity: "information",
        message: t(
          "Rank {0} trains as many numbers as vanilla prompt tuning or more: the embeddings of this model have {1} dimensions.",
          value,
          hiddenSize,
        ),
        ...place.at(Array.isArray(rank) ? ["rank", i] : ["rank"]),
        fixes: [],
      },
    ];
  });
}
