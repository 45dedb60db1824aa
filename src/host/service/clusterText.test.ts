import { describe, expect, it } from "vitest";
import type { ClusterEvent } from "../../launch/slurm/checkEvents.ts";
import { untranslated as t } from "../window/translate.ts";
import { clusterEventText, clusterPage } from "./clusterText.ts";

const file = "/home/ada/.config/ulpt/launch.json";
const nodes = [{ state: "idle", count: 2 }];
const partition: ClusterEvent = {
  type: "partition",
  partition: { name: "main", available: "up", timeLimit: "infinite", nodes },
};
const waits: ClusterEvent = { type: "job", phase: "waiting", text: "waits: others are before it" };
const devices = [
  { device: "cpu", works: true },
  { device: "cuda", works: false },
];

describe("the page of a cluster's check", () => {
  it("says where the job ran, what it saw there, and how it got there", () => {
    const events: ClusterEvent[] = [
      partition,
      { type: "submitted", job: 7 },
      waits,
      { type: "answer", answer: { host: "n1", node: "20.1.0", cores: 8, devices } },
    ];
    const page = clusterPage({ profile: undefined, file, events, error: undefined }, t);
    expect(page).toContain("The cluster trains: a job ran to its end.");
    expect(page).toContain("n1 sees this folder, Node.js 20.1.0 and the runtime.");
    expect(page).toContain("It has 8 cores; these devices work there: cpu.");
    expect(page).toContain("| main | up | infinite | 2 idle |");
    expect(page).toContain("- submitted job 7\n- the job waits: others are before it");
    expect(page).toContain(`\`${file}\``);
  });

  it("says what is wrong, where, and what to do", () => {
    const error = { code: "SLURM_MISSING", message: "sbatch is not here.", where: "PATH", hint: "Log in first." };
    const page = clusterPage({ profile: "gpu", file, events: [], error }, t);
    expect(page).toContain("The cluster does not train yet.");
    expect(page).toContain("- Where: PATH\n- To do: Log in first.");
    expect(page).toContain("gpu was tried.");
  });

  it("takes nothing that Slurm says for Markdown", () => {
    const event: ClusterEvent = { type: "job", phase: "stuck", text: "is held ([now](command:evil))" };
    const page = clusterPage({ profile: undefined, file, events: [event], error: undefined }, t);
    expect(page).not.toContain("[now](command:evil)");
    expect(clusterEventText(event, t)).toBe("the job is held ([now](command:evil))"); // prepared where it is shown
  });
});
