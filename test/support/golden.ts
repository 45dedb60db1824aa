/** @file The reference cases that lie beside the repository (see test/fixtures/t5/README.md for the one that is in it). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unless } from "./skip.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** `../shared/golden` of the repository; a clone does not have it. */
export const goldenFolder = join(repository, "..", "shared", "golden");
export const haveGolden = existsSync(join(goldenFolder, "t5", "config.json"));

/** For the titles of tests that need the cases. */
export const needsGolden = unless(haveGolden, `the reference cases are not at ${goldenFolder}`);

export function golden(...path: string[]): string {
  return join(goldenFolder, ...path);
}

export function fixture(...path: string[]): string {
  return join(repository, "test", "fixtures", ...path);
}
