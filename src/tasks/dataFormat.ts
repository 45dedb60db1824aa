/** @file Which files are data, told from the ending of their names, in small or capital letters. */
import { basename } from "node:path";

export type DataForm = "jsonLines" | "json" | "table" | "parquet";

export interface DataFormat {
  form: DataForm;
  /** Of a table, where the task does not name another. */
  delimiter: "," | "\t";
  /** With gzip, which the ending .gz says. */
  compressed: boolean;
}

const forms: Readonly<Record<string, Omit<DataFormat, "compressed">>> = {
  ".jsonl": { form: "jsonLines", delimiter: "," },
  ".ndjson": { form: "jsonLines", delimiter: "," },
  ".json": { form: "json", delimiter: "," },
  ".csv": { form: "table", delimiter: "," },
  ".tsv": { form: "table", delimiter: "\t" },
  ".parquet": { form: "parquet", delimiter: "," },
};

const gzip = ".gz";
/** Parquet is compressed inside. */
const textExtensions = Object.keys(forms).filter((extension) => forms[extension]!.form !== "parquet");

/** The endings of all data files. */
export const dataFileExtensions: readonly string[] = [
  ...Object.keys(forms),
  ...textExtensions.map((extension) => extension + gzip),
];

/** For people, who need not be told each ending twice. */
export const dataFileEndings = `${textExtensions.join(", ")} (each also with ${gzip} behind it) or .parquet`;

/** A regular expression without flags, since a JSON Schema has none: the endings in small or capital letters. */
export const dataFileEndingPattern = `(${dataFileExtensions.map(inEitherCase).join("|")})`;

function inEitherCase(extension: string): string {
  const letter = (character: string) => `[${character}${character.toUpperCase()}]`;
  return extension.replaceAll(".", "\\.").replaceAll(/[a-z]/g, letter);
}

/** The longest ending of a path that is one of a data file; "" where there is none. */
function endingOf(path: string): string {
  const name = path.toLowerCase();
  const known = dataFileExtensions.filter((extension) => name.endsWith(extension));
  return known.reduce((longest, extension) => (extension.length > longest.length ? extension : longest), "");
}

/** undefined for a file that is no data. */
export function dataFormatOf(path: string): DataFormat | undefined {
  const ending = endingOf(path);
  const compressed = ending.endsWith(gzip);
  const format = forms[compressed ? ending.slice(0, -gzip.length) : ending];
  return format && { ...format, compressed };
}

/** The file's name without its ending: "train" of data/train.csv.gz. */
export function dataStemOf(path: string): string {
  const name = basename(path);
  return name.slice(0, name.length - endingOf(name).length);
}
