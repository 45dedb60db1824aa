/**
 * @file Launch profiles: what a person's cluster wants to be told, from `~/.config/ulpt/launch.json`. Never from a workspace, which
 * is untrusted: profiles name commands.
 */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { readPlainFile } from "../runs/ownFiles.ts";
import { issueText } from "../runs/schema.ts";
import { suggest } from "../words/suggest.ts";

/** One line of printable text: it stands alone on a line of a script, or as one argument. */
const line = z.string().regex(/^[^\p{Cc}]+$/u, "expected a text of one line");
/** What becomes the value of an option of sbatch. */
const value = z.string().regex(/^[\w.,:=+/-]+$/, "expected letters, digits and . , : = + / - _ without spaces");

/** Options that decide where the job's files lie and what it is called: those are ours. */
const ownOptions = [
  ...["array", "chdir", "error", "export", "export-file", "job-name", "open-mode", "output", "input"],
  ...["parsable", "requeue", "no-requeue", "test-only", "wait", "wrap", "quiet", "time"],
  ...["signal", "nodes", "ntasks"],
];
const option = line
  .regex(/^--[a-z][a-z-]*(=.*)?$/, 'expected a long option in one text, like "--qos=normal"')
  .refine((text) => !isOwn(text), `expected another option than --${ownOptions.join(", --")}: ULPT Lab sets these`);

/** Whether sbatch may read an option as one of ours, which it takes shortened as well. */
function isOwn(text: string): boolean {
  const name = text.slice(2).split("=")[0]!;
  return ownOptions.some((own) => own.startsWith(name));
}

const profileSchema = z.strictObject({
  partition: value.optional(),
  account: value.optional(),
  /** As sbatch takes it: `30` (minutes), `12:00:00`, `2-00:00:00`. */
  time: z
    .string()
    .regex(/^(\d+-)?\d+(:\d\d){0,2}$/, 'expected a time like "30" (minutes), "12:00:00" or "2-00:00:00"')
    .optional(),
  cpus: z.int().min(1).max(4096).optional(),
  /** As sbatch takes it: `16G`. */
  memory: z
    .string()
    .regex(/^\d+[KMGT]?$/, 'expected a size like "16G"')
    .optional(),
  gres: value.optional(),
  /** The Node.js of compute nodes: a path, or a name that the lines of `setup` put on the PATH. */
  node: line.optional(),
  /** Lines of bash before the runtime starts, e.g. `module load nodejs/20`. */
  setup: z.array(line).max(100).default([]),
  environment: z.record(z.string().regex(/^[A-Za-z_]\w*$/, "expected the name of a variable"), line).default({}),
  /** Seconds between two questions to the controller, at least. */
  pollSeconds: z.int().min(1).max(3600).default(60),
  /** How many runs of a launch at a time; without it as many as Slurm lets. */
  concurrency: z.int().min(1).max(100_000).optional(),
  /** So long before its time is over a run saves and goes back into the queue. Slurm may be a minute early. */
  warningSeconds: z.int().min(10).max(65_535).default(120),
  /** Further options of sbatch. */
  sbatch: z.array(option).max(50).default([]),
});
export type LaunchProfile = z.infer<typeof profileSchema>;

const fileSchema = z.strictObject({ profiles: z.record(line, profileSchema) });

/** The profile that is taken where none is named; where the file does not have it, what Slurm does by itself. */
export const defaultProfile = "default";

const maxBytes = 2 ** 20;

/** `$XDG_CONFIG_HOME/ulpt/launch.json`; by its specification a relative folder counts as absent. */
export function profilesPath(env: Readonly<Record<string, string | undefined>>): string {
  const folder = env.XDG_CONFIG_HOME;
  return join(folder && isAbsolute(folder) ? folder : join(homedir(), ".config"), "ulpt", "launch.json");
}

/**
 * The launch profile of that name.
 * @throws UlptError PROFILE_INVALID with the file and the field; OPTION_INVALID where there is no such profile
 */
export function readProfile(path: string, name: string | undefined): LaunchProfile {
  const profiles = new Map(Object.entries(readProfiles(path)));
  const found = profiles.get(name ?? defaultProfile);
  if (found) return found;
  if (name === undefined) return profileSchema.parse({});
  const meant = suggest(name, profiles.keys());
  throw new UlptError("OPTION_INVALID", `There is no launch profile "${name}".`, {
    where: path,
    expected: profiles.size > 0 ? `one of ${[...profiles.keys()].join(", ")}` : 'profiles, as {"profiles": {…}}',
    hint: meant === undefined ? "Add it to this file, or leave --profile out." : `Did you mean "${meant}"?`,
  });
}

/** The names of the profiles, in the order of the file. @throws UlptError PROFILE_INVALID */
export function profileNames(path: string): string[] {
  return Object.keys(readProfiles(path));
}

/** What `--on` calls the usual profile, unless the file has one of that name. */
export const onSlurm = "slurm";

/** The profile that `--on NAME` means, and its name. @throws as `readProfile` */
export function profileOn(path: string, name: string): { name: string; settings: LaunchProfile } {
  const isUsual = name === onSlurm && !Object.hasOwn(readProfiles(path), onSlurm);
  return { name, settings: readProfile(path, isUsual ? undefined : name) };
}

function readProfiles(path: string): Record<string, LaunchProfile> {
  const content = readFile(path);
  if (content === null) return {};
  let json: unknown;
  try {
    json = parseJson(content);
  } catch (error) {
    throw invalid(path, `The launch profiles are not JSON: ${messageOf(error)}.`, "JSON without comments");
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data.profiles;
  throw invalid(path, `The launch profiles cannot be used. ${issueText(parsed.error)}`, "what the README lists");
}

function readFile(path: string): string | null {
  try {
    return readPlainFile(path, maxBytes)?.toString("utf8") ?? null;
  } catch (error) {
    if (error instanceof UlptError) throw invalid(path, error.message, "a regular file of at most 1 MB");
    const why = systemErrorCode(error) ?? messageOf(error);
    throw invalid(path, `The launch profiles cannot be read (${why}).`, "a file that you may read");
  }
}

function invalid(path: string, message: string, expected: string): UlptError {
  return new UlptError("PROFILE_INVALID", message, { where: path, expected, hint: "Correct this file." });
}
