/** @file An input: which file of the workspace is damaged, and how, by nothing but the seed, the target and a number. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../test/support/random.ts";
import { damage } from "./damage.ts";
import type { Target } from "./targets.ts";

export interface Input {
  /** Relative to the workspace. */
  file: string;
  bytes: Buffer;
  /** For what else is to be chosen. */
  random: Random;
}

/** @param base the good workspace */
export function inputOf(base: string, name: string, target: Target, seed: number, index: number): Input {
  const hash = createHash("sha256").update(`${seed} ${name} ${index}`).digest();
  const random = new Random(hash.readUIntBE(0, 6));
  const file = random.pick(target.files.flatMap((path) => filesIn(base, path)));
  const bytes = damage(file, readFileSync(join(base, file)), random);
  return { file, bytes, random };
}

function filesIn(base: string, path: string): string[] {
  const folder = path.replace(/\/\*\*$/, "");
  if (statSync(join(base, folder)).isFile()) return [path];
  const inside = readdirSync(join(base, folder), { recursive: folder !== path, encoding: "utf8" }).sort();
  return inside.map((name) => join(folder, name)).filter((name) => statSync(join(base, name)).isFile());
}
