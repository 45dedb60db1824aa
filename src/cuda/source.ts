/**
 * @file The package of onnxruntime's CUDA provider, as NuGet has it: the same that the install script of onnxruntime-node fetches. Its
 * hash comes from NuGet's catalog, over HTTPS; the signature inside the package is not checked.
 * (https://learn.microsoft.com/nuget/api/overview)
 */
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { ask, Endless } from "../fetching/ask.ts";
import { checkBusy, type Exchange, hintFor, Interrupted, type Misdirected } from "../fetching/exchange.ts";
import type { Patience, Site } from "../fetching/site.ts";
import type { Content } from "../fetching/transfer.ts";
import { parseJson } from "../json.ts";
import type { Environment } from "./home.ts";

export const packageId = "Microsoft.ML.OnnxRuntime.Gpu.Linux";
const indexVariable = "ULPT_NUGET_INDEX";
const defaultIndex = "https://api.nuget.org/v3/index.json";

export interface Source extends Site {
  /** The address of the service index. */
  index: string;
}

export interface ProviderPackage {
  version: string;
  address: string;
  /** Named by its sha512. */
  content: Content;
}

const registrationTypes = ["RegistrationsBaseUrl/3.6.0", "RegistrationsBaseUrl/Versioned", "RegistrationsBaseUrl"];
const mostBytesOfAnswer = 16 * 2 ** 20;

const indexSchema = z.object({ resources: z.array(z.object({ "@id": z.string(), "@type": z.string() })) });
const leafSchema = z.object({ catalogEntry: z.string(), packageContent: z.string() });
const entrySchema = z.object({
  id: z.string(),
  version: z.string(),
  packageHash: z.base64(),
  packageHashAlgorithm: z.literal("SHA512"),
  packageSize: z.int().positive(),
});

/** NuGet, or a mirror of it that the environment names. @throws OPTION_INVALID for one that is not reached over https */
export function nugetSource(env: Environment, patience?: Partial<Patience>): Source {
  const index = env[indexVariable]?.trim() || defaultIndex;
  if (!isSecure(index)) {
    throw new UlptError("OPTION_INVALID", "The address of the NuGet source is not one that can be trusted.", {
      where: indexVariable,
      expected: `an address with https, like ${defaultIndex}`,
      hint: "Correct the environment variable, or remove it.",
    });
  }
  return { index, endpoint: new URL(index).origin, patience };
}

/** This machine needs no encryption to talk with itself. */
function isSecure(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  if (username || password) return false;
  return protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname));
}

/** @throws DOWNLOAD_UNREACHABLE, DOWNLOAD_ANSWER, DOWNLOAD_MISSING; the reason of `signal` */
export async function findPackage(version: string, source: Source, signal?: AbortSignal): Promise<ProviderPackage> {
  const get = <T>(address: string, schema: z.ZodType<T>) => readAnswer(address, schema, version, source, signal);
  const { resources } = await get(source.index, indexSchema);
  const registrations = registrationTypes.flatMap((type) => resources.filter((one) => one["@type"] === type))[0];
  if (!registrations) throw badAnswer(source.index, "names no registrations of packages");
  const base = registrations["@id"].replace(/\/*$/, "/");
  const leaf = await get(`${base}${packageId.toLowerCase()}/${version.toLowerCase()}.json`, leafSchema);
  const entry = await get(leaf.catalogEntry, entrySchema);
  const isRight = entry.id.toLowerCase() === packageId.toLowerCase() && entry.version === version;
  if (!isRight)
    throw badAnswer(leaf.catalogEntry, `is about ${entry.id} ${entry.version}, not ${packageId} ${version}`);
  if (!isSecure(leaf.packageContent)) throw badAnswer(source.index, `names an address without https`);
  const sha512 = Buffer.from(entry.packageHash, "base64");
  if (sha512.length !== 64) throw badAnswer(leaf.catalogEntry, "has no SHA-512 of the package");
  const content = { etag: sha512.toString("hex"), size: entry.packageSize };
  return { version, address: leaf.packageContent, content };
}

async function readAnswer<T>(
  address: string,
  schema: z.ZodType<T>,
  version: string,
  source: Source,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!isSecure(address)) throw badAnswer(source.index, "names an address without https");
  const checkAnswer = (answer: Exchange) => checkStatus(answer, address, version);
  try {
    const { body } = await ask(address, source, { signal, checkAnswer, mostBytes: mostBytesOfAnswer });
    return schema.parse(parseJson(body.toString("utf8")));
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UlptError) throw error;
    if (error instanceof Interrupted) throw unreachable(error, address);
    throw badAnswer(address, error instanceof Endless ? "does not end" : `cannot be read (${firstLine(error)})`, error);
  }
}

function firstLine(error: unknown): string {
  if (!(error instanceof z.ZodError)) return messageOf(error);
  const [issue] = error.issues;
  return `${issue?.path.join(".")}: ${issue?.message}`;
}

/** @throws DOWNLOAD_MISSING, DOWNLOAD_ANSWER; Interrupted where the server may be asked again */
export function checkStatus(answer: Exchange, address: string, version: string): void {
  const { status } = answer.response;
  if (status === 200 || status === 206) return;
  checkBusy(answer);
  if (status !== 404) throw badAnswer(address, `has status ${status}`);
  throw new UlptError("DOWNLOAD_MISSING", `The source has no ${packageId} ${version}.`, {
    where: address,
    expected: "the version of the installed onnxruntime-node",
    hint: `Check ${indexVariable}, if it is set: a mirror may not have this version yet.`,
  });
}

function badAnswer(where: string, what: string, cause?: unknown): UlptError {
  return new UlptError("DOWNLOAD_ANSWER", `The answer of the NuGet source ${what}.`, {
    where,
    expected: "what NuGet's API returns",
    hint: `Check the address of the source (${indexVariable}), if it is set, and any proxy in between.`,
    cause,
  });
}

export function unreachable(error: Interrupted | Misdirected, address: string): UlptError {
  if (!(error instanceof Interrupted)) return badAnswer(error.where, "leads nowhere", error);
  return new UlptError("DOWNLOAD_UNREACHABLE", `The NuGet source cannot be reached: ${error.message}.`, {
    where: address,
    expected: "an answer",
    hint: hintFor(error, `the address of the source (${indexVariable})`),
    cause: error,
  });
}
