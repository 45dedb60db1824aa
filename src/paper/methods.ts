/** @file The methods of the paper's tables, made in one word each so that a table reads like the printed one. */
import type { PaperOther, PaperTrained } from "./cell.ts";

/** ULPT at rank r with n prompt tokens. `parameters` as printed. */
export function ulpt(
  rank: number,
  promptLength: number,
  parameters?: string,
  { scale = true, shift = true } = {},
): PaperTrained {
  const without = [scale ? "" : "scale", shift ? "" : "shift"].filter(Boolean).join(" and ");
  const label = `ULPT r=${rank}${without ? ` without ${without}` : ""}`;
  const settings = { rank, scale, shift, trains: "z" };
  return { name: "ulpt", label, promptLength, settings, ...printed(parameters) };
}

/** ULPT that trains its projection and leaves Z as it was drawn. */
export function tunedProjection(rank: number, promptLength: number, parameters: string): PaperTrained {
  return {
    ...ulpt(rank, promptLength, parameters),
    label: `P̃ tuned, Z frozen, r=${rank}`,
    settings: { rank, scale: true, shift: true, trains: "projection" },
  };
}

/** Decomposed prompt tuning. */
export function dpt(rank: number, promptLength: number, parameters: string): PaperTrained {
  return { name: "dpt", label: `DPT r=${rank}`, promptLength, settings: { rank }, ...printed(parameters) };
}

/** Prompt tuning with n tokens. */
export function vanilla(promptLength: number, parameters?: string): PaperTrained {
  return { name: "vanilla", label: "Prompt tuning", promptLength, settings: {}, ...printed(parameters) };
}

export function other(label: string, parameters?: string): PaperOther {
  return { name: "other", label, ...printed(parameters) };
}

function printed(parameters: string | undefined): { parameters?: string } {
  return parameters === undefined ? {} : { parameters };
}
