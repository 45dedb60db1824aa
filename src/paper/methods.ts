/** @file The methods of the paper's tables, made in one word each so that a table reads like the printed one. */
import type { PaperOther, PaperUlpt, PaperVanilla } from "./cell.ts";

/** ULPT at rank r with n prompt tokens. `parameters` as printed. */
export function ulpt(
  rank: number,
  promptLength: number,
  parameters?: string,
  { scale = true, shift = true } = {},
): PaperUlpt {
  const without = [scale ? "" : "scale", shift ? "" : "shift"].filter(Boolean).join(" and ");
  return {
    name: "ulpt",
    label: `ULPT r=${rank}${without ? ` without ${without}` : ""}`,
    rank,
    promptLength,
    scale,
    shift,
    ...(parameters === undefined ? {} : { parameters }),
  };
}

/** Prompt tuning with n tokens. */
export function vanilla(promptLength: number, parameters?: string): PaperVanilla {
  return { name: "vanilla", label: "Prompt tuning", promptLength, ...(parameters === undefined ? {} : { parameters }) };
}

export function other(label: string, parameters?: string): PaperOther {
  return { name: "other", label, ...(parameters === undefined ? {} : { parameters }) };
}
