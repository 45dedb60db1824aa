/** @file A package of NuGet is a ZIP file: its version, and of its entries those that are wanted. The package has been verified. */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { asWriteError } from "../formats/atomic.ts";
import { readSharedLibrary } from "../formats/elf.ts";
import { bridgeFile, providerFile } from "./home.ts";
import { packageId } from "./source.ts";

const libraries = "runtimes/linux-x64/native/";
const unpackedFiles = [providerFile, bridgeFile];
const mostManifestBytes = 2 ** 20;

export interface UnpackOptions {
  version: string;
  signal?: AbortSignal | undefined;
  onBytes?: (file: string, bytes: number, total: number) => void;
}

/**
 * Writes the provider's files of the package at `path` into `folder`; nothing else of the package is looked at, and no name from it is used.
 * @returns their bytes
 * @throws DOWNLOAD_CORRUPT for a package that is none, is of another version or lacks a file; DISK_FULL, RUN_UNWRITABLE
 */
export async function unpack(path: string, folder: string, options: UnpackOptions): Promise<Record<string, number>> {
  const zip = await openPromise(path, { autoClose: false }).catch((error: unknown) => {
    throw corrupt(path, `it is no whole ZIP file (${messageOf(error)})`);
  });
  try {
    const entries = await wantedEntries(zip, path);
    const [manifest, ...wanted] = [`${packageId}.nuspec`, ...unpackedFiles.map((name) => libraries + name)].map(
      (name) => {
        const entry = entries.get(name);
        if (!entry) throw corrupt(path, `it has no ${name}`);
        return entry;
      },
    );
    checkVersion(await manifestText(zip, manifest!, path), path, options.version);
    const sizes: Record<string, number> = {};
    for (const [index, entry] of wanted.entries()) {
      const name = unpackedFiles[index]!;
      await unpackOne(zip, entry, join(folder, name), name, path, options);
      sizes[name] = entry.uncompressedSize;
    }
    return sizes;
  } finally {
    zip.close();
  }
}

async function wantedEntries(zip: ZipFile, path: string): Promise<Map<string, Entry>> {
  const names = new Set([`${packageId}.nuspec`, ...unpackedFiles.map((name) => libraries + name)]);
  const found = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) {
      if (!names.has(entry.fileName)) continue;
      if (found.has(entry.fileName)) throw new Error(`${entry.fileName} is in it twice`);
      found.set(entry.fileName, entry);
    }
  } catch (error) {
    throw corrupt(path, messageOf(error)); // the names that lead out of a folder are refused among others
  }
  return found;
}

async function manifestText(zip: ZipFile, entry: Entry, path: string): Promise<string> {
  if (entry.uncompressedSize > mostManifestBytes) throw corrupt(path, "its manifest is too long");
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
  } catch (error) {
    throw corrupt(path, messageOf(error));
  }
}

/** The manifest is XML; of it two plain elements are read. */
function checkVersion(manifest: string, path: string, version: string): void {
  const [, id] = /<id>\s*([^<\s]+)\s*<\/id>/.exec(manifest) ?? [];
  const [, found] = /<version>\s*([^<\s]+)\s*<\/version>/.exec(manifest) ?? [];
  if (id?.toLowerCase() === packageId.toLowerCase() && found === version) return;
  throw corrupt(path, `it is ${id ?? "a package without a name"} ${found ?? ""}, not ${packageId} ${version}`);
}

async function unpackOne(
  zip: ZipFile,
  entry: Entry,
  target: string,
  name: string,
  path: string,
  { signal, onBytes }: UnpackOptions,
): Promise<void> {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      onBytes?.(name, bytes, entry.uncompressedSize);
      done(null, chunk);
    },
  });
  try {
    const content = await zip.openReadStreamPromise(entry);
    await pipeline(content, counter, createWriteStream(target, { flags: "wx", mode: 0o644 }), {
      ...(signal && { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (systemErrorCode(error)?.startsWith("E") === true) throw asWriteError(error, target);
    throw corrupt(path, `${name}: ${messageOf(error)}`);
  }
  if (!readSharedLibrary(target)) throw corrupt(path, `${name} is no library for Linux on x86-64`);
}

function corrupt(path: string, what: string): UlptError {
  return new UlptError("DOWNLOAD_CORRUPT", `The package is not what it should be: ${what}.`, {
    where: path,
    expected: `the package ${packageId}`,
    hint: "Try again; if it stays, the source (or the mirror that ULPT_NUGET_INDEX names) has a wrong package.",
  });
}
