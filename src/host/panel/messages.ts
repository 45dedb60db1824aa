/** @file What the webview says, checked: a message is input from outside like any other. */
import { z } from "zod";
import { axes } from "../../results/curve.ts";
import { againsts, chartFormats, chartNames, costActions, views, type WebviewMessage } from "../../shared/panel.ts";

const run = z.string();
const step = z.int().min(0);

const preferences = z.object({
  view: z.enum(views),
  x: z.enum(axes),
  logX: z.boolean().default(false),
  logY: z.boolean(),
  seedMeans: z.boolean().default(false),
  smoothing: z.number().min(0).max(0.99),
  score: z.enum(["validation", "test"]),
  onlyDifferences: z.boolean(),
  groupSeeds: z.boolean(),
  against: z.enum(againsts).default("parameters"),
  sort: z.object({ column: z.string(), descending: z.boolean() }),
  factsOf: run.nullable(),
});

/** What `setState` kept, before or after a reload. */
export const panelState = z.object({ experiment: z.string(), preferences });

const command = z.discriminatedUnion("command", [
  z.object({
    type: z.literal("command"),
    command: z.enum([
      ...["train", "sweep", "openExperimentFile", "exportCsv", "copyMarkdown", "openExperimentFolder"],
      ...["stopStarting", "openLaunchLog", "showUsual", "pauseSweep", "continueSweep", "stopSweep"],
    ] as const),
  }),
  z.object({ type: z.literal("command"), command: z.enum(["dropFromSweep", "trainNext"]), planned: z.string() }),
  z.object({
    type: z.literal("command"),
    command: z.enum(["stop", "resume", "openRunFolder", "openLog", "openJournal"]),
    run,
  }),
  z.object({
    type: z.literal("command"),
    command: z.enum(["showAnswers", "deleteEvaluation"]),
    run,
    evaluation: z.string(),
  }),
  z.object({ type: z.literal("command"), command: z.literal("setShown"), runs: z.array(run), shown: z.boolean() }),
  z.object({ type: z.literal("command"), command: z.literal("setBaseline"), run: run.nullable() }),
  z.object({
    type: z.literal("command"),
    command: z.enum(["openCheckpoint", "diffPrevious", "diffBest", "diffBaseline", "evaluate", "exportPrompt"]),
    run,
    step,
  }),
]);

const message = z.union([
  z.object({ type: z.literal("ready"), state: panelState.nullable().catch(null) }),
  z.object({ type: z.literal("resnapshot"), have: z.int() }),
  z.object({ type: z.literal("smoothing"), smoothing: preferences.shape.smoothing }),
  z.object({ type: z.literal("facts"), run: run.nullable() }),
  z.object({ type: z.literal("detail"), request: z.int(), axis: z.enum(axes), min: z.number(), max: z.number() }),
  z.object({ type: z.literal("cost"), run, action: z.enum(costActions) }),
  z.object({
    type: z.literal("save"),
    chart: z.enum(chartNames),
    format: z.enum(chartFormats),
    data: z.instanceof(Uint8Array),
  }),
  z.object({ type: z.literal("error"), message: z.string() }),
  command,
]) satisfies z.ZodType<WebviewMessage>;

/** The message, or undefined for what is none. */
export function parseMessage(value: unknown): WebviewMessage | undefined {
  return message.safeParse(value).data;
}
