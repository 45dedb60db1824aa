/** @file What is wrong with an experiment file, at which line and column: all of it at once. */
import { UlptError } from "../errors.ts";
import type { Path } from "./jsonSchema.ts";

export interface ExperimentProblem {
  /** A sentence that names the setting, what is there and what was expected. */
  message: string;
  /** Counted from 1. */
  line: number;
  /** Counted from 1, in UTF-16 units. */
  column: number;
  /** Of what is to be underlined, counted from 0, in UTF-16 units, a byte order mark not counted. */
  offset: number;
  length: number;
  path: Path;
  /** What probably was meant: a key or a value that can stand there instead. */
  suggestion?: string | undefined;
}

/** So many problems of one file are told; of the others only how many they are. */
export const mostProblems = 50;

/** An experiment file that cannot be used: code EXPERIMENT_SYNTAX or EXPERIMENT_INVALID. */
export class ExperimentError extends UlptError {
  readonly file: string;
  /** At least one, in the order of the file. */
  readonly problems: readonly ExperimentProblem[];
  /** How many there are besides. */
  readonly more: number;

  constructor(
    code: "EXPERIMENT_SYNTAX" | "EXPERIMENT_INVALID",
    file: string,
    problems: readonly ExperimentProblem[],
    more = 0,
  ) {
    const inOrder = [...problems].sort((a, b) => a.offset - b.offset);
    const [first] = inOrder;
    if (!first) throw new RangeError("an experiment error without a problem");
    const count = inOrder.length + more;
    super(code, count === 1 ? first.message : `${count} problems, first: ${first.message}`, {
      where: `${file}:${first.line}:${first.column}`,
      hint:
        code === "EXPERIMENT_SYNTAX"
          ? "Correct the JSON; comments and trailing commas are allowed."
          : "Correct the experiment file; the editor shows what a setting takes when you hover over it.",
    });
    this.file = file;
    this.problems = inOrder;
    this.more = more;
  }

  override describe(): string {
    if (this.problems.length + this.more === 1) return super.describe();
    return [
      `error ${this.code}: ${this.problems.length + this.more} problems in the experiment`,
      ...this.problems.map(({ line, column, message }) => `  ${this.file}:${line}:${column}: ${message}`),
      ...(this.more > 0 ? [`  and ${this.more} more`] : []),
      `  to do:    ${this.hint}`,
    ].join("\n");
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), file: this.file, problems: this.problems, ...(this.more > 0 && { more: this.more }) };
  }
}

/** `training.steps`, `method[1].rank`; the whole file is "the experiment". */
export function formatPath(path: Path): string {
  if (path.length === 0) return "the experiment";
  return path.reduce<string>(
    (text, segment) =>
      typeof segment === "number" ? `${text}[${segment}]` : text === "" ? segment : `${text}.${segment}`,
    "",
  );
}
