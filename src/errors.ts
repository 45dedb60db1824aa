/** @file Errors for people: what went wrong, where, what was expected and what to do, with a stable code. */

/** Exit codes of the runtime process. */
export const exitCodes = {
  ok: 0,
  internal: 1,
  experiment: 2,
  dataOrModel: 3,
  outOfMemory: 4,
  stopped: 130,
} as const;

/** Every error code and the exit code it leads to. Nothing may match on message text; match on these. */
const codes = {
  EXPERIMENT_UNREADABLE: exitCodes.experiment,
  EXPERIMENT_SYNTAX: exitCodes.experiment,
  EXPERIMENT_INVALID: exitCodes.experiment,
  OPTION_INVALID: exitCodes.experiment,
  PROFILE_INVALID: exitCodes.experiment,

  DATA_UNREADABLE: exitCodes.dataOrModel,
  DATA_EMPTY: exitCodes.dataOrModel,
  DATA_SYNTAX: exitCodes.dataOrModel,
  DATA_RAGGED: exitCodes.dataOrModel,
  DATA_FIELD_MISSING: exitCodes.dataOrModel,
  DATA_ENCODING: exitCodes.dataOrModel,
  DATA_SPLIT: exitCodes.dataOrModel,
  DATA_LABEL: exitCodes.dataOrModel,
  LABEL_TOO_LONG: exitCodes.dataOrModel,

  HUB_UNREACHABLE: exitCodes.dataOrModel,
  HUB_OFFLINE: exitCodes.dataOrModel,
  HUB_NOT_FOUND: exitCodes.dataOrModel,
  HUB_GATED: exitCodes.dataOrModel,
  HUB_DENIED: exitCodes.dataOrModel,
  HUB_ANSWER: exitCodes.dataOrModel,
  HUB_CORRUPT: exitCodes.dataOrModel,
  /** Of a library for a device, from where its maker has it. */
  DOWNLOAD_UNREACHABLE: exitCodes.internal,
  DOWNLOAD_ANSWER: exitCodes.internal,
  DOWNLOAD_MISSING: exitCodes.internal,
  DOWNLOAD_CORRUPT: exitCodes.internal,
  /** Something would have to be fetched, and nobody said yes. */
  DOWNLOAD_UNASKED: exitCodes.experiment,

  /** Generated programs would have to be run, and nobody allowed it. */
  PROGRAMS_OFF: exitCodes.dataOrModel,
  PROGRAMS_FAILED: exitCodes.dataOrModel,

  MODEL_MISSING: exitCodes.dataOrModel,
  /** The model would have to be fetched, or lies on another machine, and nobody asked for that. */
  MODEL_ELSEWHERE: exitCodes.dataOrModel,
  MODEL_CONFIG: exitCodes.dataOrModel,
  MODEL_UNSUPPORTED: exitCodes.dataOrModel,
  MODEL_TENSOR: exitCodes.dataOrModel,
  TOKENIZER_MISSING: exitCodes.dataOrModel,
  TOKENIZER_INVALID: exitCodes.dataOrModel,
  CHAT_TEMPLATE: exitCodes.dataOrModel,
  TOKENIZER_UNSUPPORTED: exitCodes.dataOrModel,
  SAFETENSORS_INVALID: exitCodes.dataOrModel,

  CHECKPOINT_INVALID: exitCodes.dataOrModel,
  PROMPT_INVALID: exitCodes.dataOrModel,
  /** What an adapter's numbers mean depends on a version that nobody said. */
  ADAPTER_VERSION: exitCodes.experiment,
  PROJECTION_MISMATCH: exitCodes.dataOrModel,
  MODEL_MISMATCH: exitCodes.dataOrModel,

  DEVICE_MISSING: exitCodes.internal,
  DEVICE_FAILED: exitCodes.internal,
  GRAPH_INVALID: exitCodes.internal,
  NOT_FINITE: exitCodes.internal,
  REFERENCE_MISMATCH: exitCodes.internal,
  RUN_MISSING: exitCodes.internal,
  RUN_INVALID: exitCodes.internal,
  RUN_BUSY: exitCodes.internal,
  RUN_FENCED: exitCodes.internal,
  /** The process that trained it ended without a word. */
  RUN_INTERRUPTED: exitCodes.internal,
  RUN_UNWRITABLE: exitCodes.internal,
  DISK_FULL: exitCodes.internal,

  SLURM_MISSING: exitCodes.internal,
  /** Slurm does not take the job, or will never start it. */
  SLURM_REFUSED: exitCodes.internal,
  /** The queue takes no more jobs of this user now. */
  SLURM_FULL: exitCodes.internal,
  /** The controller does not answer: nobody knows how the job is. */
  SLURM_SILENT: exitCodes.internal,
  /** The job ended, or would not begin in time, without doing what it was for. */
  SLURM_FAILED: exitCodes.internal,

  /** A fault of the program itself. */
  INTERNAL: exitCodes.internal,

  OUT_OF_MEMORY: exitCodes.outOfMemory,
  STOPPED: exitCodes.stopped,
} as const;

export type ErrorCode = keyof typeof codes;

export interface ErrorDetails {
  /** File, line, field or tensor concerned, e.g. `data/train.csv:17` or `model.safetensors, tensor "shared.weight"`. */
  where?: string | undefined;
  /** What would have been right, as a phrase: `a whole number of at least 1`. */
  expected?: string | undefined;
  /** What the reader can do, as an imperative sentence. */
  hint?: string | undefined;
  cause?: unknown;
}

/** An error that a person can act on. `message` is what happened; the rest answers where, what was expected, what to do. */
export class UlptError extends Error {
  override readonly name = "UlptError";
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly expected: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.where = details.where;
    this.expected = details.expected;
    this.hint = details.hint;
  }

  get exitCode(): number {
    return codes[this.code];
  }

  /** Several lines for a terminal or a log. */
  describe(): string {
    const lines = [`error ${this.code}: ${this.message}`];
    if (this.where) lines.push(`  where:    ${this.where}`);
    if (this.expected) lines.push(`  expected: ${this.expected}`);
    if (this.hint) lines.push(`  to do:    ${this.hint}`);
    return lines.join("\n");
  }

  toJSON(): Record<string, unknown> {
    const { code, message, where, expected, hint } = this;
    return { code, message, where, expected, hint };
  }
}

/**
 * An error that a process left in a file, said anew, with what it is about before it. A code that is not known here, of another version or
 * of whoever wrote the file, becomes RUN_INTERRUPTED.
 */
export function recordedAsError(
  { code, message, where, expected, hint }: { code: string; message: string } & Omit<ErrorDetails, "cause">,
  about?: string,
): UlptError {
  const known = Object.hasOwn(codes, code) ? (code as ErrorCode) : "RUN_INTERRUPTED";
  return new UlptError(known, about === undefined ? message : `${about}: ${message}`, { where, expected, hint });
}

/** The `code` of a Node.js system error (`ENOENT`, `ENOSPC`, …), if `error` is one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether an error is ours, and of that code. */
export function hasCode(error: unknown, code: ErrorCode): error is UlptError {
  return error instanceof UlptError && error.code === code;
}
