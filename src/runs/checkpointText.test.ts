import { describe, expect, it } from "vitest";
import { changeSummary, comparePrompts, comparisonOrder, settle } from "./checkpointChange.ts";
import { checkpointText, inlineDeltas, type LineKey, layoutCheckpoint } from "./checkpointText.ts";
import { encodeEmbeddings, type InspectedToken, type Inspection, newInspection } from "./inspection.ts";

function token(changes: Partial<InspectedToken> = {}): InspectedToken {
  return {
    norm: 1.83219,
    nearest: [
      { id: 10, token: "▁great", similarity: 0.4112 },
      { id: 11, token: "▁good", similarity: 0.38 },
    ],
    coordinates: { kind: "all", norm: 0.565, values: [0.12034, -0.552] },
    moved: { distance: 0.3412, cosine: 0.98, nearestBefore: { id: 12, token: "▁fine" }, nearestChanged: true },
    ...changes,
  };
}

const still: InspectedToken["moved"] = {
  distance: 0,
  cosine: 1,
  nearestBefore: { id: 10, token: "▁great" },
  nearestChanged: false,
};

/** Two tokens of rank 2 for a model four wide. */
function inspection(changes: Partial<Inspection> = {}): Inspection {
  return newInspection({
    sha256: "aa".repeat(32),
    bytes: 2008,
    checked: true,
    prompt: null,
    experiment: "sst2",
    run: "ulpt-r2-seed1",
    step: 400,
    method: "ulpt",
    rank: 2,
    promptLength: 2,
    hiddenSize: 4,
    parameters: 12,
    model: { source: "google-t5/t5-small", sha256: "75427f06b989162a".repeat(4) },
    frozen: [
      {
        name: "projection",
        generator: "philox4x32-10/1",
        seed: 42,
        distribution: "xavier-uniform",
        sha256: "07f35c1dd0104fea".repeat(4),
      },
    ],
    metrics: { score: 0.913, loss: 0.22638 },
    tokens: [token(), token({ moved: still })],
    vectors: {
      scale: { mean: 1.02, deviation: 0.11, minimum: 0.8, maximum: 1.61, top: [{ index: 3, value: 1.61 }] },
      shift: { mean: -0.00001, deviation: 0.02, minimum: -0.05, maximum: 0.04, top: [{ index: 0, value: -0.05 }] },
    },
    sinceStart: { meanDistance: 0.1706, largestDistance: 0.3412, farthest: 0, meanCosine: 0.99, nearestChanged: 1 },
    embeddings: encodeEmbeddings(Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0)),
    ...changes,
  });
}

const golden = `# Checkpoint sst2 / ulpt-r2-seed1 / step 400
# 2 tokens of rank 2 for google-t5/t5-small: 12 trained numbers instead of 8

[metrics]
loss   0.2264
score  0.9130

[prompt]
method             ulpt
rank               2
tokens             2
hidden size        4
trained            12 numbers
file               2008 bytes
model              google-t5/t5-small
model sha256       75427f06b989
projection         xavier-uniform, seed 42, philox4x32-10/1
projection sha256  07f35c1dd010

[since the start]
distance  mean 0.1706  largest 0.3412 (token 000)
cosine    mean 0.99
nearest   changed for 1 of 2 tokens

[token 000]
norm     1.8322
nearest  ▁great 0.41  ▁good 0.38
z        +0.1203 -0.5520
moved    0.3412  cosine 0.98  nearest was ▁fine

[token 001]
norm     1.8322
nearest  ▁great 0.41  ▁good 0.38
z        +0.1203 -0.5520
moved    0.0000  cosine 1.00

[scale]
values  mean 1.0200  sd 0.1100
range   0.8000 to 1.6100
top     d3 1.6100

[shift]
values  mean +0.0000  sd 0.0200
range   -0.0500 to +0.0400
top     d0 -0.0500
`;

describe("the text of a checkpoint", () => {
  it("is one fact a line, with fixed digits", () => {
    expect(checkpointText(inspection())).toBe(golden);
  });

  it("does not show what is below its digits", () => {
    const noisy = inspection({
      metrics: { loss: 0.226381, score: 0.913 },
      tokens: [token({ norm: 1.83221 }), token({ norm: 1.83218, moved: { ...still, distance: 1e-9 } })],
    });
    expect(checkpointText(noisy)).toBe(golden);
    expect(checkpointText(noisy, { precision: 6 })).toContain(
      "norm     1.832210\nnearest  ▁great 0.4112  ▁good 0.3800",
    );
  });

  it("shows the largest coordinates of a high rank, and none of a method without", () => {
    const large = { kind: "largest", norm: 3, values: [{ index: 17, value: -2 }] } as const;
    const tokens = [token({ coordinates: { ...large, values: [...large.values] } }), token({ coordinates: null })];
    const text = checkpointText(inspection({ tokens }));
    expect(text).toContain("\nz        norm 3.0000  largest z17 -2.0000\n");
    expect(text.match(/^z /gm)).toHaveLength(1);
    const vanilla = checkpointText(inspection({ rank: null, frozen: [], vectors: {}, parameters: 8, metrics: {} }));
    expect(vanilla).toContain("# 2 tokens for google-t5/t5-small: 8 trained numbers\n");
    expect(vanilla).toContain("[metrics]\nnone: not evaluated at this step\n");
    expect(vanilla).not.toMatch(/projection|\[scale\]|\[shift\]|rank/);
  });

  it("stays one fact a line whatever a vocabulary or a name holds", () => {
    const nearest = [{ id: 1, token: "a\n[token 001]\u202e\u2028", similarity: 1 }];
    const text = checkpointText(inspection({ experiment: "x\r\ny", tokens: [token({ nearest }), token()] }));
    expect(text.split("\n")).toHaveLength(golden.split("\n").length);
    expect(text).toContain("nearest  a\\n[token 001]\\u{202e}\\u{2028} 1.00\n");
  });

  it("says where each fact is and where its sections begin and end", () => {
    const { text, lines, sections } = layoutCheckpoint(inspection(), { notes: ["2 of 2 tokens moved"] });
    const all = text.split("\n");
    expect(all[2]).toBe("# 2 of 2 tokens moved");
    const starts: [LineKey, string][] = [
      ["title", "# Checkpoint"],
      ["metric/loss", "loss "],
      ["fact/rank", "rank "],
      ["start/cosine", "cosine "],
      ["token/1/norm", "norm "],
      ["token/1/moved", "moved    0.0000"],
      ["vector/scale/top", "top     d3"],
      ["vector/shift/summary", "values  mean +0.0000"],
    ];
    for (const [key, start] of starts) expect(all[lines.get(key)!], key).toMatch(start);
    for (const { title, firstLine, lastLine } of sections) {
      expect(all[firstLine]).toBe(`[${title}]`);
      expect(all[lastLine]).not.toBe("");
      expect(all[lastLine + 1]).toBe("");
    }
    expect(sections.map(({ title }) => title)).toEqual([
      "metrics",
      "prompt",
      "since the start",
      "token 000",
      "token 001",
      "scale",
      "shift",
    ]);
  });
});

/** The same prompt after its first token went 0.12 along an axis, more than a twentieth of its norm, and its second 0.04. */
const moved = inspection({
  metrics: { loss: 0.2, score: 0.913 },
  tokens: [token({ norm: 1.9, nearest: [{ id: 11, token: "▁good", similarity: 0.5 }] }), token()],
  embeddings: encodeEmbeddings(Float32Array.of(1, 0.12, 0, 0, 0, 1, 0, 0.04)),
});

describe("what changed", () => {
  it("is said in words", () => {
    expect(changeSummary(inspection(), moved)).toBe(
      "1 of 2 tokens moved more than 5 % of its norm, most 000 (by 7 %); 1 changed its nearest word",
    );
    const far = inspection({ embeddings: encodeEmbeddings(Float32Array.of(1, 30, 0, 0, 0, 1, 0, 0)) });
    expect(changeSummary(inspection(), far)).toMatch(/most 000 \(by \d+ times\); /);
    expect(changeSummary(moved, moved)).toBe(
      "0 of 2 tokens moved more than 5 % of their norm; none changed their nearest word",
    );
  });

  it("comes first, and numbers that moved by less than matters stand as they were", () => {
    const before = inspection();
    const after = inspection({
      metrics: { loss: 0.2291, score: 0.94 },
      tokens: [token({ norm: 1.84, moved: { ...still, distance: 0.2 } }), token({ norm: 2.4 })],
      vectors: {
        scale: { ...before.vectors.scale!, mean: 1.021, maximum: 1.62 },
        shift: { ...before.vectors.shift!, minimum: -0.09 },
      },
      embeddings: encodeEmbeddings(Float32Array.of(1, 0.01, 0, 0, 0, 1, 0, 0.9)),
    });
    const order = comparisonOrder(before, after);
    expect(order).toEqual([1, 0]);
    const [left, right] = [before, settle(before, after)].map((side) => checkpointText(side, { order }).split("\n"));
    const changed = right!.filter((line, index) => line !== left![index]);
    expect(changed).toEqual([
      "score  0.9400",
      "norm     2.4000",
      "moved    0.3412  cosine 0.98  nearest was ▁fine",
      "range   -0.0900 to +0.0400",
    ]);
    expect(right!.indexOf("[token 001]")).toBeLessThan(right!.indexOf("[token 000]"));
    expect(inlineDeltas(before, after).map(({ key }) => key)).toEqual(["metric/score", "token/1/norm", "token/1/z"]);
  });

  it("is not compared token by token where the prompts do not correspond", () => {
    const longer = inspection({ promptLength: 3 });
    expect(changeSummary(inspection(), longer)).toBe("The two prompts differ in length: 2 and 3 tokens");
    const other = inspection({ model: { source: "google-t5/t5-small", sha256: "b".repeat(64) } });
    expect(changeSummary(inspection(), other)).toBe("The two prompts belong to different models");
  });

  it("is measured on the embeddings", () => {
    const change = comparePrompts(inspection(), moved);
    if (typeof change === "string") throw new Error(change);
    expect(change.distances.map((distance) => distance.toFixed(6))).toEqual(["0.120000", "0.040000"]);
    expect(change).toMatchObject({ moved: [0], nearestChanged: [0] });
  });

  it("is placed at the end of the lines it concerns, without what the digits do not show", () => {
    const all = checkpointText(moved).split("\n");
    expect(inlineDeltas(inspection(), moved).map(({ line, text }) => [all[line]?.split(" ")[0], text])).toEqual([
      ["loss", "▼ 0.0264"],
      ["norm", "▲ 0.0678"],
      ["nearest", "was ▁great"],
      ["z", "moved 0.1200"],
    ]);
    const shifted = inlineDeltas(inspection(), moved, { notes: ["one line more"] });
    expect(shifted[0]!.line).toBe(inlineDeltas(inspection(), moved)[0]!.line + 1);
    expect(inlineDeltas(moved, moved)).toEqual([]);
  });
});
