/** @file The licences of what the VSIX carries and others wrote, each in full. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Made by others; `folder` is relative to the root of the repository. */
interface Package {
  folder: string;
  name: string;
  version: string;
  license: string;
  author?: string | { name: string };
}

/**
 * The text for people who ask what is in here.
 * @param folders of the packages whose code or binaries are packed, as `node_modules/zod`
 * @throws Error where a package says no licence, or one whose text is not to be had
 */
export function thirdPartyNotices(root: string, folders: readonly string[]): string {
  const packages = [...new Set(folders)].sort().map((folder): Package => {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Package;
    return { ...manifest, folder };
  });
  const heading =
    "ULPT Lab carries code of the packages below, each under its own licence.\n\n" +
    "The embedded models in examples/sample/models (tiny-notes-t5, tiny-notes-llama) and the rows of the sample were made for this " +
    "project by its own scripts and are under the licence of the project (LICENSE).";
  return `${[heading, ...packages.map((one) => section(root, one))].join(`\n\n${"=".repeat(80)}\n\n`)}\n`;
}

function section(root: string, one: Package): string {
  const texts = licenseFiles(root, one).map((path) => readFileSync(path, "utf8").replaceAll("\r\n", "\n").trim());
  if (texts.length === 0) texts.push(withoutFile(one));
  return [`${one.name} ${one.version} (${one.license})`, ...texts].join("\n\n");
}

function licenseFiles(root: string, { folder, name }: Package): string[] {
  const kept = join(root, "licenses", name); // of packages that bring no text
  const from = existsSync(kept) ? kept : join(root, folder);
  return readdirSync(from)
    .filter((file) => /^(licen[cs]e|copying|copyright|notice|third-?party-?notices)/i.test(file))
    .map((file) => join(from, file));
}

/** A package that ships no text of its licence. */
function withoutFile({ folder, name, license, author }: Package): string {
  if (license !== "MIT")
    throw new Error(`${folder} has no text of its licence (${license}): put one into licenses/${name}.`);
  const holder = (typeof author === "string" ? author : author?.name) ?? `the authors of ${name}`;
  return `Copyright (c) ${holder}\n\n${mit}`;
}

const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished
to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
