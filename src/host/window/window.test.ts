import { beforeEach, describe, expect, it, vi } from "vitest";

/** What reached VS Code: arguments of its functions, and what was set on its boxes and items. */
const reached: unknown[] = vi.hoisted(() => []);

vi.mock("vscode", () => {
  const record =
    (answer: (...values: never[]) => unknown) =>
    async (...values: unknown[]) => {
      reached.push(...values);
      return answer(...(values as never[]));
    };
  class Box {
    static readonly made: Box[] = [];
    shows = 0;
    value = "as it is: $(x)";
    #private = "kept";
    constructor() {
      reached.push(this);
    }
    show(): string {
      this.shows += 1;
      return this.#private;
    }
  }
  class Texts {
    constructor(...values: unknown[]) {
      Object.assign(this, values);
      reached.push(this);
    }
  }
  return {
    ...{
      ProgressLocation: { Notification: 15 },
      TreeItemCollapsibleState: { None: 0 },
      StatusBarAlignment: { Left: 1 },
    },
    ...{ TreeItem: Texts, Diagnostic: Texts, InlayHint: Texts, MarkdownString: Texts },
    window: {
      showInformationMessage: record((_message: string, first: string) => first),
      showErrorMessage: record(() => undefined),
      showWarningMessage: record((_message: string, _options: object, yes: string) => yes),
      setStatusBarMessage: record(() => undefined),
      withProgress: record((_options: object, work: (bar: object, token: object) => unknown) =>
        work({ report: (step: unknown) => reached.push(step) }, {}),
      ),
      showQuickPick: record((items: unknown[]) => items[1]),
      showInputBox: record(async ({ validateInput }: { validateInput: (text: string) => unknown }) => {
        reached.push(await validateInput("x"));
        return "typed";
      }),
      createQuickPick: () => new Box(),
      createInputBox: () => new Box(),
      createStatusBarItem: () => new Box(),
      createOutputChannel: () => ({ info: record(() => undefined), error: record(() => undefined) }),
    },
  };
});

const shown = await import("./window.ts");

const hostile = "[run](command:evil) $(zap)\n\x1b[2J\u202e";
const link = /\]\(|\$\((?!play|sync~spin)|[\x1b\u202e]/;

function everything(): string {
  return JSON.stringify(reached, (_, value: unknown) => (typeof value === "function" ? undefined : value)).replaceAll(
    "\\u001b",
    "\x1b",
  );
}

beforeEach(() => {
  reached.length = 0;
});

describe("text from files reaches VS Code without links, icons and controls", () => {
  it("in messages, dialogs and progress; the button that was pressed comes back", async () => {
    expect(await shown.showInformation(hostile, "Open")).toBe("Open");
    await shown.showFailure(hostile);
    expect(await shown.confirm(hostile, "Delete", `${hostile}\nand more`)).toBe(true);
    shown.showBriefly(hostile);
    await shown.withProgress(hostile, async (_token, report) => report(hostile, 5));
    expect(everything()).toContain("[run] (command:evil) $ (zap)");
    expect(everything().replaceAll("](command:evil) $(zap)\\n", "")).not.toMatch(link);
    expect(reached.filter((value) => typeof value === "string").join()).not.toMatch(link);
  });

  it("in quick picks, with icons of ours; the item that was chosen is the one that was given", async () => {
    const items = [
      { label: { icon: "play", text: hostile }, description: hostile, detail: hostile, value: 1 },
      { label: hostile, value: 2 },
    ];
    expect(await shown.pickOne(items, { title: hostile })).toBe(items[1]);
    expect(everything()).toContain("$(play) [run] (command:evil) $ (zap)");
    expect(everything()).not.toMatch(link);
  });

  it("in input boxes: title, prompt and what is wrong with the input, which VS Code draws with links", async () => {
    const options = { title: hostile, prompt: hostile, value: "$(kept)", validateInput: () => hostile };
    expect(await shown.askText(options)).toBe("typed");
    expect(everything()).toContain("$(kept)");
    expect(everything().replace("$(kept)", "")).not.toMatch(link);
  });

  it("in boxes whose texts are set later, which otherwise work as they do", () => {
    const box = shown.createBox();
    box.title = hostile;
    box.prompt = hostile;
    box.validationMessage = hostile;
    box.placeholder = hostile;
    box.value = "$(kept)";
    expect(box.value).toBe("$(kept)");
    expect(box.show()).toBe("kept"); // a method that needs its own box
    const pick = shown.createPick<{ label: string }>();
    pick.items = shown.shownItems([{ label: hostile }]);
    expect(everything()).toContain("$(kept)");
    expect(everything().replace("$(kept)", "").replace("as it is: $(x)", "")).not.toMatch(link);
  });

  it("in items, lenses, diagnostics, hints, the status bar and the log", () => {
    shown.treeItem({ label: hostile, description: hostile });
    const status = new shown.ShownStatus("id", "name", "command");
    status.show({ icon: "sync~spin", text: hostile }, "tooltip", undefined);
    reached.push(shown.shownCommand({ icon: "play", text: hostile }, "c"), shown.shownLabel(hostile));
    shown.inlayHint({} as never, hostile, "");
    expect(everything()).toContain("$(sync~spin) [run] (command:evil)");
    expect(everything().replaceAll("as it is: $(x)", "")).not.toMatch(link);

    reached.length = 0;
    shown.diagnostic({} as never, hostile, 0);
    shown.createLogChannel("x").info(hostile);
    expect(everything()).not.toMatch(/[\x1b\u202e]/);
  });
});
