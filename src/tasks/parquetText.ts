/**
 * @file Values of Parquet that are more than a number or a text, as text: what Python's str() gives of what pyarrow reads, so that a
 * decimal keeps its zeros, an hour its zone and an identifier its form.
 */
import { isUtf8 } from "node:buffer";
import type { SchemaElement } from "hyparquet";
import { pythonFloat } from "./cells.ts";

/** How the values of a column become text. */
export interface LeafText {
  /** What the library is told that the column is, so that it hands on its values as they are stored. */
  element: SchemaElement;
  text: (raw: unknown) => string;
}

/** undefined for a column whose values the library gives as they should be: texts, whole numbers, booleans. */
export function leafText(path: readonly SchemaElement[]): LeafText | undefined {
  // What a VARIANT holds is put together from the values that the library gives.
  if (path.some(({ logical_type }) => logical_type?.type === "VARIANT")) return undefined;
  const element = path.at(-1)!;
  const text = textFor(element);
  const { converted_type: _converted, logical_type: _logical, ...stored } = element;
  return text && { element: stored, text: text as LeafText["text"] };
}

function textFor(element: SchemaElement): ((raw: never) => string) | undefined {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") {
    const scale = element.scale ?? (logical?.type === "DECIMAL" ? logical.scale : 0);
    requireAtMost("decimal places", Math.abs(scale), mostDecimalDigits);
    return (raw: number | bigint | Uint8Array) => decimalText(integerOf(raw), scale);
  }
  if (converted === "DATE" || logical?.type === "DATE") return (days: number) => dateText(days);
  if (logical?.type === "TIME") return (raw: number | bigint) => timeText(BigInt(raw), logical.unit);
  if (converted === "TIME_MILLIS") return (raw: number) => timeText(BigInt(raw), "MILLIS");
  if (converted === "TIME_MICROS") return (raw: bigint) => timeText(raw, "MICROS");
  // Of what only the older annotation says, pyarrow takes no zone either.
  if (logical?.type === "TIMESTAMP")
    return (raw: bigint) => timestampText(raw, logical.unit, logical.isAdjustedToUTC === true);
  if (converted === "TIMESTAMP_MILLIS") return (raw: bigint) => timestampText(raw, "MILLIS", false);
  if (converted === "TIMESTAMP_MICROS") return (raw: bigint) => timestampText(raw, "MICROS", false);
  if (type === "INT96") return (raw: bigint) => timestampText(int96Nanoseconds(raw), "NANOS", false);
  if (type === "FLOAT" || type === "DOUBLE") return pythonFloat;
  if (logical?.type === "FLOAT16") return (bytes: Uint8Array) => pythonFloat(halfFloat(bytes));
  if (logical?.type === "UUID") return uuidText;
  if (converted === "INTERVAL") return intervalText;
  const isPlain = converted === undefined && logical === undefined;
  if (type === "FIXED_LEN_BYTE_ARRAY") return isPlain ? bytesText : undefined;
  return type === "BYTE_ARRAY" && isPlain ? textOrBytes : undefined;
}

/** Twice what any program writes. */
const mostDecimalDigits = 160;

function requireAtMost(what: string, found: number, most: number): void {
  if (found > most) throw new Error(`a column has values of ${found} ${what}, where at most ${most} are possible`);
}

/** A whole number as it is stored, in bytes with the highest first. */
function integerOf(raw: number | bigint | Uint8Array): bigint {
  if (!(raw instanceof Uint8Array)) return BigInt(raw);
  requireAtMost("bytes", raw.length, mostDecimalDigits / 2);
  let value = 0n;
  for (const byte of raw) value = value * 256n + BigInt(byte);
  return BigInt.asIntN(8 * raw.length, value);
}

/** As decimal.Decimal: with as many digits behind the point as the column has, tiny numbers with an exponent. */
function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? "-" : "";
  const digits = String(unscaled < 0n ? -unscaled : unscaled);
  const exponent = digits.length - scale - 1;
  if (scale <= 0) return scale === 0 ? sign + digits : `${sign}${withPoint(digits, 1)}E+${exponent}`;
  if (exponent < -6) return `${sign}${withPoint(digits, 1)}E${exponent}`;
  const padded = digits.padStart(scale + 1, "0");
  return sign + withPoint(padded, padded.length - scale);
}

function withPoint(digits: string, before: number): string {
  return digits.length > before ? `${digits.slice(0, before)}.${digits.slice(before)}` : digits;
}

const secondsPerDay = 86_400n;
type Unit = "MILLIS" | "MICROS" | "NANOS";
const perSecond: Readonly<Record<Unit, bigint>> = { MILLIS: 1_000n, MICROS: 1_000_000n, NANOS: 1_000_000_000n };

/** As datetime.date. */
function dateText(days: number): string {
  // The calendar repeats every 400 years of 146,097 days; counted from March, a leap day is the last of its year.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1_460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${year < 0 ? "-" : ""}${padded(Math.abs(year), 4)}-${padded(month, 2)}-${padded(day, 2)}`;
}

/** As datetime.time. */
function timeText(raw: bigint, unit: Unit): string {
  const seconds = Number(raw / perSecond[unit]);
  const clock = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return clock.map((part) => padded(part, 2)).join(":") + fractionText(raw % perSecond[unit], unit);
}

/** As datetime.datetime or, of nanoseconds, pandas.Timestamp. */
function timestampText(raw: bigint, unit: Unit, isUtc: boolean): string {
  const perDay = secondsPerDay * perSecond[unit];
  const days = floorDivide(raw, perDay);
  return `${dateText(Number(days))} ${timeText(raw - days * perDay, unit)}${isUtc ? "+00:00" : ""}`;
}

/** None, or six digits; nine where there are nanoseconds. */
function fractionText(fraction: bigint, unit: Unit): string {
  if (fraction === 0n) return "";
  const nanoseconds = fraction * (perSecond.NANOS / perSecond[unit]);
  const digits = String(nanoseconds).padStart(9, "0");
  return `.${nanoseconds % 1_000n === 0n ? digits.slice(0, 6) : digits}`;
}

function floorDivide(a: bigint, b: bigint): bigint {
  return a >= 0n ? a / b : -((-a + b - 1n) / b);
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

/** Days of the Julian calendar above nanoseconds of the day. */
function int96Nanoseconds(value: bigint): bigint {
  const days = (value >> 64n) - 2_440_588n;
  return days * secondsPerDay * perSecond.NANOS + BigInt.asUintN(64, value);
}

function halfFloat([low, high]: Uint8Array): number {
  const bits = (high! << 8) | low!;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** As pyarrow.MonthDayNano: months, days and milliseconds are stored, since none is a number of another. */
function intervalText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [months, days, milliseconds] = [0, 4, 8].map((at) => view.getUint32(at, true)) as [number, number, number];
  return `MonthDayNano(months=${months}, days=${days}, nanoseconds=${BigInt(milliseconds) * 1_000_000n})`;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Many programs write texts without saying that they are; what cannot be one is written as bytes are. */
function textOrBytes(bytes: Uint8Array): string {
  return isUtf8(bytes) ? decoder.decode(bytes) : bytesText(bytes);
}

const escapes: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };

/** As bytes: b'\x00abc'. */
function bytesText(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  const written = Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    if (character === quote) return `\\${quote}`;
    return escapes[byte] ?? (byte >= 0x20 && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, "0")}`);
  });
  return `b${quote}${written.join("")}${quote}`;
}
