import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { machine } from "../../src/formats/maker.ts";
import type { StepComparison } from "../../src/training/stepBench.ts";
import { Command, expectFailure, jsonLines, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { causalModel, embeddedModel } from "../support/workspace.ts";

const folder = temporaryFolder();
afterAll(killLeftovers);

const sizes = ["--batch", "2", "--source", "12", "--target", "3", "--prompt-length", "5"];
const env = () => ({ XDG_CACHE_HOME: folder("cache"), HF_HUB_CACHE: folder("hub") });
const benchFolder = () => folder("cache", "ulpt-bench");

interface Report {
  type: string;
  sizes: Record<string, number>;
  rows: (StepComparison & { peakBytes: number; estimatedBytes: number; deviceBytes: null })[];
  line: string;
}

async function bench(...args: string[]): Promise<Report> {
  const { stdout } = await ulptOk(["bench", "--device", "cpu", ...args, "--json"], { cwd: folder(), env: env() });
  return jsonLines<Report>(stdout).at(-1)!;
}

describe("ulpt bench", () => {
  it("times precisions in turns: ratios to float32, tokens a second, memory beside its estimate, and one line of all of it", async () => {
    const report = await bench("--model", embeddedModel, ...sizes, "--steps", "3", "--precision", "int8,float32");
    expect(report).toMatchObject({ type: "bench", sizes: { batch: 2, source: 12, target: 3, prompt: 5 } });
    const [int8, float32] = report.rows;
    expect(float32).toMatchObject({
      precision: "float32",
      ratio: 1,
      likeness: { lossDifference: 0 },
      deviceBytes: null,
    });
    expect(float32!.likeness!.cosine).toBeCloseTo(1, 6);
    expect(int8!.likeness!.cosine).toBeGreaterThan(0.9);
    expect(int8!.likeness!.lossDifference).not.toBe(0);
    for (const { seconds, tokensPerSecond, ratio, peakBytes, estimatedBytes } of report.rows) {
      expect(seconds.low).toBeLessThanOrEqual(seconds.median);
      expect(seconds.high).toBeGreaterThanOrEqual(seconds.median);
      expect(tokensPerSecond).toBeCloseTo((2 * (12 + 3)) / seconds.median, 6);
      expect(ratio).toBeGreaterThan(0);
      expect(peakBytes).toBeGreaterThan(50e6);
      expect(estimatedBytes / peakBytes).toBeGreaterThan(0.5);
      expect(estimatedBytes / peakBytes).toBeLessThan(3);
    }
    expect(report.line).toMatch(
      /^ulpt \S+ bench \| onnxruntime \S+ \| Node \S+ \| .* \| cpu \| .*prompt 5, batch 2, source 12, target 3 \| int8 .* of float32\), .* \| float32 [^|]* tokens\/s, [\d.]+ MB \(estimated [\d.]+ MB\)$/,
    );
    expect(existsSync(benchFolder())).toBe(false);
  });

  it("times steps with gradient checkpointing, too, which find the same", async () => {
    const larger = ["--batch", "16", "--source", "48", "--target", "3", "--prompt-length", "5"];
    const args = ["--model", causalModel, ...larger, "--steps", "1", "--precision", "float32"];
    const { rows, line } = await bench(...args, "--gradient-checkpointing");
    expect(rows.map(({ gradientCheckpointing }) => gradientCheckpointing)).toEqual([false, true]);
    expect(rows[1]!.likeness).toEqual(rows[0]!.likeness);
    expect(rows[1]!.estimatedBytes).toBeLessThan(rows[0]!.estimatedBytes);
    expect(line).toMatch(/ \| float32 [^|]* \| float32, checkpointing [^|]* \(\d\.\d\d of float32\)/);
  });

  it("times a model that goes on with a text once in a precision that is named twice, and says nothing of float32 where that was not asked for", async () => {
    const { rows, line } = await bench("--model", causalModel, ...sizes, "--steps", "1", "--precision", "int8,int8");
    expect(rows).toEqual([expect.objectContaining({ precision: "int8" })]);
    expect(rows[0]).not.toHaveProperty("ratio");
    expect(line).not.toContain("float32");
  });

  it.each([
    ["a target that its text has no room for", ["--model", causalModel, "--source", "3", "--target", "4"], "--target"],
    ["a text beyond the model's positions", ["--model", causalModel, "--source", "100000"], "--source"],
    ["a precision that its device does not have", ["--device", "cuda", "--precision", "int8"], "precision"],
  ])("refuses %s", async (_, args, where) => {
    const end = await ulpt(["bench", "--device", "cpu", ...args, "--json"], { cwd: folder(), env: env() });
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where });
  });

  it("stops between two steps and leaves nothing behind, nor what a killed one left", async () => {
    const left = join(benchFolder(), `.new-${machine}.2147483647.00000000`); // no process has such a number
    mkdirSync(join(left, "model"), { recursive: true });
    const args = ["bench", "--device", "cpu", "--model", embeddedModel, ...sizes, "--steps", "1000000", "--json"];
    const command = new Command(args, { cwd: folder(), env: env() });
    await command.until((line) => line.type === "preparation");
    expect(existsSync(left)).toBe(false);
    expect(readdirSync(benchFolder())).toHaveLength(1);
    command.signal("SIGINT");
    expect((await command.end).code).toBe(130);
    expect(existsSync(benchFolder())).toBe(false);
  });

  it("tells no result where it was stopped while the memory of steps was measured", async () => {
    const args = ["bench", "--device", "cpu", "--model", embeddedModel, ...sizes, "--steps", "1", "--json"];
    const command = new Command([...args, "--precision", "float32,int8,int4", "--gradient-checkpointing"], {
      cwd: folder(),
      env: env(),
    });
    const isMeasured = ({ what, done, total }: Partial<Record<string, unknown>>) =>
      what === "steps alone, for their memory" && done !== total;
    await command.until((line) => isMeasured({ ...line }));
    command.signal("SIGINT");
    const { code, stdout } = await command.end;
    expect(code).toBe(130);
    expect(jsonLines(stdout).map(({ type }) => type)).not.toContain("bench");
  });
});
