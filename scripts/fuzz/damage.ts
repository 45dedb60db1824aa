/**
 * @file Damages a file, by its form and by its bytes. The same random numbers damage the same bytes in the same way.
 *
 * Half of the inputs keep their form (JSON stays JSON, a header of safetensors says how long it is), so that what lies behind the
 * parsers is reached; the others do not.
 */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { withFooter } from "../../test/support/parquetPages.ts";
import type { Random } from "../../test/support/random.ts";

/** Damages `bytes`, as a file called `name`. */
export function damage(name: string, bytes: Buffer, random: Random): Buffer {
  const byForm = random.boolean() ? forms.find(({ pattern }) => pattern.test(name)) : undefined;
  if (!byForm) return damageBytes(bytes, random);
  try {
    return byForm.damage(bytes, random);
  } catch {
    return damageBytes(bytes, random); // what is damaged may have no form already
  }
}

interface Form {
  pattern: RegExp;
  damage: (bytes: Buffer, random: Random) => Buffer;
}

const forms: readonly Form[] = [
  { pattern: /\.gz$/, damage: damageGzip },
  { pattern: /\.(jsonl|ndjson)$/, damage: damageJsonLines },
  { pattern: /\.json$/, damage: damageJson },
  { pattern: /\.(csv|tsv)$/, damage: damageCells },
  { pattern: /\.safetensors$/, damage: damageSafetensors },
  { pattern: /\.parquet$/, damage: damageParquet },
];

/** One to four changes, wherever they fall. */
function damageBytes(bytes: Buffer, random: Random): Buffer {
  let changed: Buffer = Buffer.from(bytes);
  for (let count = random.integer(1, 4); count > 0; count--) changed = random.pick(byteChanges)(changed, random);
  return changed;
}

type ByteChange = (bytes: Buffer, random: Random) => Buffer;

const byteChanges: readonly ByteChange[] = [
  flipBit,
  flipBit,
  (bytes, random) => bytes.subarray(0, placeIn(bytes, random)),
  (bytes, random) => bytes.subarray(placeIn(bytes, random)),
  (bytes, random) => fill(bytes, random, random.pick([0, 0xff, 0x80, 0x7f])),
  (bytes, random) => insert(bytes, random, Buffer.from(random.pick(texts))),
  (bytes, random) => insert(bytes, random, chunkOf(bytes, random)),
  (bytes, random) => insert(bytes, random, Buffer.from(random.integers(random.integer(1, 16), 0, 255))),
  (bytes, random) => {
    const chunk = chunkOf(bytes, random);
    return Buffer.concat(Array.from({ length: random.integer(2, 50) }, () => chunk));
  },
];

function placeIn(bytes: Buffer, random: Random): number {
  // What is at the ends of a file matters most: magic numbers, lengths, footers.
  const near = random.integer(0, Math.min(64, bytes.length));
  return random.pick([near, bytes.length - near, random.integer(0, bytes.length)]);
}

function flipBit(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return bytes;
  const at = Math.min(placeIn(bytes, random), bytes.length - 1);
  bytes[at] = bytes[at]! ^ (1 << random.integer(0, 7));
  return bytes;
}

function fill(bytes: Buffer, random: Random, value: number): Buffer {
  const start = placeIn(bytes, random);
  return bytes.fill(value, start, Math.min(bytes.length, start + random.integer(1, 16)));
}

function insert(bytes: Buffer, random: Random, chunk: Buffer): Buffer {
  const at = placeIn(bytes, random);
  return Buffer.concat([bytes.subarray(0, at), chunk, bytes.subarray(at)]);
}

function chunkOf(bytes: Buffer, random: Random): Buffer {
  const start = placeIn(bytes, random);
  return Buffer.from(bytes.subarray(start, start + random.integer(1, 200)));
}

/** Texts that mean something to somebody: paths out, commands, escapes, shares, names of objects' own parts. */
const texts = [
  "",
  "../../outside/decoy.txt",
  "..\\..\\outside\\decoy.txt",
  "/etc/passwd",
  "//host/share/file",
  "\\\\host\\share\\file",
  "file:///etc/passwd",
  "http://127.0.0.1:9/x",
  "[x](command:workbench.action.tasks.build)",
  "\u001b]0;owned\u0007\u001b[2J",
  "__proto__",
  "constructor",
  "toString",
  "\0",
  "\ufeff",
  "\u2028",
  "\ud800",
  "e\u0301",
  "👩‍👩‍👧‍👦",
  "(a+)+$",
  "{text}",
  "{a[0]}",
  "NaN",
  "-Infinity",
  "1e999",
  "nul",
  '"',
  ",",
  "\t",
  "\r",
  "\r\n",
  "x".repeat(100_000),
  "a ".repeat(50_000),
];

const values: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  0.5,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  1e308,
  1e-320,
  [],
  {},
  [[]],
  [null],
  ...texts,
];

/** Any value: one of the known ones, a deep one, a long one. */
function anyValue(random: Random): unknown {
  const depth = random.pick([20, 200, 3000]);
  const length = random.pick([10, 1000, 50_000]);
  return random.pick([
    () => random.pick(values),
    () => random.pick(values),
    () => random.integer(-5, 5000),
    () => new Verbatim(`${"[".repeat(depth)}${"]".repeat(depth)}`),
    () => new Verbatim(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`),
    () => new Verbatim(random.pick(["9007199254740993", "1e999", "-0", "1E+2", "123456789012345678901234567890"])),
    () => Array.from({ length }, (_, index) => index),
    () => Object.fromEntries(Array.from({ length }, (_, index) => [`key ${index}`, index])),
  ])();
}

/** JSON that `JSON.stringify` cannot write: too deep, or numbers that JavaScript has not got. */
class Verbatim {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

function stringify(value: unknown): string {
  const verbatim: string[] = [];
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (!(part instanceof Verbatim)) return part;
    return `\u0001${verbatim.push(part.text) - 1}\u0001`;
  });
  return (text ?? "null").replaceAll(/"\\u0001(\d+)\\u0001"/g, (_match, index: string) => verbatim[Number(index)]!);
}

function damageJson(bytes: Buffer, random: Random): Buffer {
  return Buffer.from(stringify(damageValue(JSON.parse(bytes.toString()) as unknown, random)));
}

/** A copy with one to three of its parts changed. */
function damageValue(value: unknown, random: Random): unknown {
  let changed = structuredClone(value);
  for (let count = random.integer(1, 3); count > 0; count--) {
    const parts = partsOf(changed);
    if (parts.length === 0) return anyValue(random);
    const { parent, key } = random.pick(parts);
    random.pick(valueChanges)(parent, key, random, parts);
    if (random.integer(0, 40) === 0) changed = anyValue(random);
  }
  return changed;
}

type Parent = Record<string | number, unknown>;

interface Part {
  parent: Parent;
  key: string | number;
}

/** Every part of a value, as what holds it and by which key. */
function partsOf(value: unknown): Part[] {
  if (typeof value !== "object" || value === null || value instanceof Verbatim) return [];
  const keys: (string | number)[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  // The first and last of a long list stand for all.
  const some = keys.length > 200 ? [...keys.slice(0, 100), ...keys.slice(-100)] : keys;
  const parent = value as Parent;
  return some.flatMap((key) => [{ parent, key }, ...partsOf(parent[key])]);
}

type ValueChange = (parent: Parent, key: string | number, random: Random, parts: readonly Part[]) => void;

const valueChanges: readonly ValueChange[] = [
  (parent, key, random) => {
    parent[key] = anyValue(random);
  },
  (parent, key, random) => {
    const value = parent[key];
    if (typeof value === "number") parent[key] = random.pick([value + 1, value - 1, -value, value * 1e6, value / 3]);
    else if (typeof value === "string") parent[key] = damageText(value, random);
    else parent[key] = anyValue(random);
  },
  (parent, key) => {
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
  },
  (parent, key, random) => {
    if (Array.isArray(parent)) parent.splice(Number(key), 0, structuredClone(parent[Number(key)]));
    else
      Object.defineProperty(parent, random.pick(texts), { value: parent[key], enumerable: true, configurable: true });
  },
  (parent, key, random, parts) => {
    const other = random.pick(parts);
    parent[key] = structuredClone(other.parent[other.key]);
  },
  (parent, key) => {
    parent[key] = [parent[key]];
  },
  (parent, key) => {
    parent[key] = { value: parent[key] };
  },
];

function damageText(text: string, random: Random): string {
  const at = random.integer(0, text.length);
  return random.pick([
    text.slice(0, at),
    text + random.pick(texts),
    text.slice(0, at) + random.pick(texts) + text.slice(at),
    text.toUpperCase(),
    text.repeat(random.integer(2, 50)),
    random.pick(texts),
  ]);
}

function damageJsonLines(bytes: Buffer, random: Random): Buffer {
  const lines = bytes.toString().split("\n");
  const at = random.integer(0, Math.max(0, lines.length - 2));
  const damaged = stringify(damageValue(JSON.parse(lines[at]!) as unknown, random));
  const changed = random.pick([
    () => lines.with(at, damaged),
    () => lines.with(at, damaged),
    () => lines.with(at, lines[at]!.slice(0, random.integer(0, lines[at]!.length))),
    () => lines.toSpliced(at, 0, ...Array<string>(random.pick([1, 1000])).fill(lines[at]!)),
    () => lines.toSpliced(at, 0, random.pick(texts)),
    () => lines.toReversed(),
  ])();
  return Buffer.from(changed.join(random.pick(["\n", "\n", "\r\n", "\r", ""])));
}

function damageCells(bytes: Buffer, random: Random): Buffer {
  const lines = bytes.toString().split("\n");
  const at = random.integer(0, Math.max(0, lines.length - 2));
  const separator = random.pick([",", ";", "\t", "|"]);
  const changed = random.pick([
    () => lines.with(at, damageText(lines[at]!, random)),
    () => lines.with(at, `${lines[at]}${separator.repeat(random.pick([1, 3, 5000]))}`),
    () => lines.with(at, `"${lines[at]}`),
    () =>
      lines.with(
        at,
        lines[at]!.replace(/[^,\t]+/, (cell) => `"${cell}" "`),
      ),
    () => lines.map((line) => line.replaceAll(/[,\t]/g, separator)),
    () => lines.toSpliced(at, 0, "", " ", random.pick(texts)),
    () => lines.slice(1),
    () => lines.slice(0, 1),
  ])();
  return Buffer.from(changed.join(random.pick(["\n", "\r\n", "\r"])));
}

/** Another header or other data; where the file carries a hash of itself, mostly with that of what it has become. */
function damageSafetensors(bytes: Buffer, random: Random): Buffer {
  const damaged = damageTensors(bytes, random);
  return random.integer(0, 5) === 0 ? damaged : withHash(damaged);
}

/** The file with the hash in its metadata made right, as src/runs/tensorFile.ts defines it. */
function withHash(bytes: Buffer): Buffer {
  const field = /"sha256":"[0-9a-f]{64}"/.exec(bytes.toString("latin1", 0, 100_000));
  if (!field) return bytes;
  const at = field.index + '"sha256":"'.length;
  bytes.fill("0", at, at + 64);
  bytes.write(createHash("sha256").update(bytes).digest("hex"), at, "latin1");
  return bytes;
}

/** Another header, of the length that it says or of another; or other data. */
function damageTensors(bytes: Buffer, random: Random): Buffer {
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, end).toString()) as Record<string, unknown>;
  const data = Buffer.from(bytes.subarray(end));
  if (random.integer(0, 3) === 0) return Buffer.concat([bytes.subarray(0, end), damageNumbers(data, random)]);
  const text = Buffer.from(stringify(damageValue(header, random)));
  const length = Buffer.alloc(8);
  const lie = random.integer(0, 5) === 0 ? random.pick([0n, 1n, 100_000_000n, 2n ** 32n, 2n ** 63n]) : undefined;
  length.writeBigUInt64LE(lie ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** Numbers as float32: not finite, or far too large. */
function damageNumbers(data: Buffer, random: Random): Buffer {
  if (data.length < 4) return data;
  const value = random.pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, 1e-45, -0]);
  data.writeFloatLE(value, 4 * random.integer(0, Math.floor(data.length / 4) - 1));
  return data;
}

/** Another footer: numbers, names and types of it. */
function damageParquet(bytes: Buffer, random: Random): Buffer {
  return withFooter(bytes, (metadata) => {
    const parts = partsOf(metadata).filter(({ parent, key }) => typeof parent[key] !== "object");
    for (let count = random.integer(1, 3); count > 0; count--) {
      const { parent, key } = random.pick(parts);
      parent[key] = otherOfItsKind(parent[key], random);
    }
  });
}

const sizes = [0, 1, -1, 7, 255, 65_536, 2 ** 31 - 1];

function otherOfItsKind(value: unknown, random: Random): unknown {
  if (typeof value === "bigint") return random.pick([...sizes.map(BigInt), value + 1n, value - 1n, 2n ** 62n]);
  if (typeof value === "number") return random.pick([...sizes, value + 1, value - 1]);
  if (value === "SNAPPY" || value === "UNCOMPRESSED")
    return random.pick(["GZIP", "BROTLI", "ZSTD", "LZ4_RAW", "SNAPPY"]);
  if (value === "REQUIRED" || value === "OPTIONAL") return random.pick(["REPEATED", "REQUIRED", "OPTIONAL"]);
  if (typeof value === "string") return random.pick([damageText(value, random), "INT32", "BYTE_ARRAY", "DATE", "LIST"]);
  return undefined;
}

function damageGzip(bytes: Buffer, random: Random): Buffer {
  const inside = gunzipSync(bytes);
  if (random.integer(0, 9) > 0) return gzipSync(damage("inside.jsonl", inside, random));
  return gzipSync(
    Buffer.concat(Array.from({ length: 200 }, () => Buffer.alloc(2 ** 20, random.pick(["\n", " ", "a"])))),
  );
}
