/** @file `ulpt predict` on the embedded model: answers piece by piece, drawn with a seed, ended by texts. */
import { beforeAll, describe, expect, it } from "vitest";
import type { RowPiece } from "../../src/cli/predict.ts";
import type { TryResult } from "../../src/shared/service.ts";
import { jsonLines, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { createWorkspace, type Workspace } from "../support/workspace.ts";

type Line = ({ type: "piece" } & RowPiece) | ({ type: "answer"; row: number; text: string } & TryResult);

const folder = temporaryFolder();
const texts = ["the food was bad .", "we liked the hotel , and the weather was fine ."];
let workspace: Workspace;

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  workspace.experiment("small", { training: { steps: 4, evaluateEvery: 4 } });
  await ulptOk(["train", "small.ulpt.json"], { cwd: workspace.folder });
});

async function predict(...options: string[]): Promise<{ lines: Line[]; answers: TryResult[] }> {
  const args = ["predict", "small/ulpt-r2-seed1", ...texts, "--max-new-tokens", "12", "--json", ...options];
  const lines = jsonLines<Line>((await ulptOk(args, { cwd: workspace.folder })).stdout);
  const answers = lines.slice(-texts.length).map((line, row) => {
    if (line.type !== "answer") throw new Error(`The line ${JSON.stringify(line)} is no answer.`);
    const { type: _, row: at, text, ...answer } = line;
    expect([at, text]).toEqual([row, texts[row]]);
    return answer;
  });
  return { lines, answers };
}

function joined(lines: readonly Line[], row: number, prompted: boolean): string {
  return lines
    .flatMap((line) => (line.type === "piece" && line.row === row && line.prompted === prompted ? line.text : []))
    .join("");
}

const drawn = ["--temperature", "1.5", "--top-k", "40", "--top-p", "0.95"];

describe("predict", () => {
  it.each([
    ["the most probable tokens", []],
    ["drawn tokens", drawn],
  ])("tells answers of %s in pieces, which joined are the answers", async (_, options) => {
    const { lines, answers } = await predict(...options);
    expect(lines.length).toBeGreaterThan(2 * texts.length + 2);
    for (const [row, { withPrompt, withoutPrompt }] of answers.entries()) {
      expect(joined(lines, row, true)).toBe(withPrompt);
      expect(joined(lines, row, false)).toBe(withoutPrompt);
    }
  });

  it("draws the same with the same seed, also when texts are answered one by one, and other tokens with another", async () => {
    const first = await predict(...drawn, "--seed", "1");
    expect((await predict(...drawn, "--seed", "1")).answers).toEqual(first.answers);
    expect((await predict(...drawn, "--seed", "2")).answers).not.toEqual(first.answers);
    const args = ["predict", "small/ulpt-r2-seed1", ...texts, "--max-new-tokens", "12", ...drawn, "--seed", "1"];
    const { stdout } = await ulptOk(args, { cwd: workspace.folder });
    const blocks = first.answers.map(
      ({ source, withPrompt, withoutPrompt }) =>
        `${source}\n  with prompt     ${withPrompt}\n  without prompt  ${withoutPrompt}\n`,
    );
    expect(stdout).toBe(blocks.join(""));
  });

  it("takes the most probable token at temperature 0, as without options", async () => {
    expect((await predict("--temperature", "0", "--seed", "7")).answers).toEqual((await predict()).answers);
  });

  it("makes what was written less probable", async () => {
    const { answers } = await predict("--repetition-penalty", "1000");
    for (const { withoutPrompt } of answers) {
      const words = withoutPrompt.split(" ");
      expect(new Set(words).size).toBe(words.length);
    }
  });

  it("ends an answer before a text, wherever it lies in the tokens", async () => {
    const whole = (await predict()).answers[0]!.withoutPrompt;
    expect(whole.length).toBeGreaterThan(8);
    const middle = Math.floor(whole.length / 2);
    const stop = whole.slice(middle - 1, middle + 3);
    const { lines, answers } = await predict("--stop", "no such text", "--stop", stop);
    expect(answers[0]!.withoutPrompt).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(joined(lines, 0, false)).toBe(answers[0]!.withoutPrompt);
  });

  it.each([
    ["--stop", ""],
    ["--temperature", "-1"],
    ["--top-p", "1.5"],
    ["--repetition-penalty", "NaN"],
    ["--seed", "1e300"],
  ])("refuses %s %j", async (option, value) => {
    const end = await ulpt(["predict", "small/ulpt-r2-seed1", "x", option, value], { cwd: workspace.folder });
    expect(end.code).toBe(2);
    expect(end.stderr).toContain(option);
  });
});
