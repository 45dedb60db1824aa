/** @file The VSIX as it is built, from a copy of the repository in which things lie that must not get in. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { repository } from "../../test/support/bundle.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { unzip } from "../../test/support/zip.ts";
import { allowedFiles, isOfEngine, readBundles } from "./contents.ts";
import { thirdPartyNotices } from "./notices.ts";

const folder = temporaryFolder();

const decoys = [
  ".env",
  ".vscode/settings.json",
  "notes.txt",
  "dist/cli.js.map",
  "dist/old.cjs",
  "dist/chunk-OLD.js",
  "dist/webview/panel.js.map",
  "dist/vsix/old.vsix",
  "examples/sample/.env",
  "examples/sample/.ulpt/runs/complaint/ulpt-r2-seed1/run.json",
  "examples/sample/.ulpt/runs/complaint/ulpt-r2-seed1/run.log",
  "examples/sample/.ulpt/launches/1.json",
  "examples/sample/data/customers.jsonl",
  "examples/sample/models/other/model.safetensors",
  "examples/sample/mine.ulpt.json",
  "examples/sample/prompts/mine.prompt.safetensors",
  "examples/sample/run.log",
  "media/draft.png",
  "media/readme/draft.png",
  "media/walkthrough/draft.svg",
];

/** What a VSIX is made of. */
const patterns = [
  /^(extension\.vsixmanifest|\[Content_Types\]\.xml)$/,
  /^extension\/(package\.json|package\.nls\.json|readme\.md|changelog\.md|LICENSE\.txt|SECURITY\.md)$/,
  /^extension\/THIRD_PARTY_NOTICES\.txt$/,
  /^extension\/dist\/[\w/-]+\.(js|cjs|css)$/,
  /^extension\/media\/(icon\.png|ulpt\.svg|checkpoint\.tmLanguage\.json|experiment(\.editor)?\.schema\.json)$/,
  /^extension\/media\/(readme\/[\w-]+\.png|walkthrough\/\w+\.svg)$/,
  /^extension\/examples\/sample\/(README\.md|(complaint|complaint-causal|methods|methods-causal|mood-and-tense)\.ulpt\.json)$/,
  /^extension\/examples\/sample\/data\/(complaint|mood-and-tense)\.(train|validation|test)\.jsonl$/,
  /^extension\/examples\/sample\/models\/tiny-notes-(t5|llama)\/(README\.md|\w+\.json|model\.safetensors)$/,
];

/** Paths that a package.json names, without `./`. */
function pathsIn(value: unknown): string[] {
  if (typeof value === "string")
    return /^(\.\/)?(dist|media)\/[\w./-]+$/.test(value) ? [value.replace(/^\.\//, "")] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(pathsIn) : [];
}

describe("the VSIX", () => {
  let files: Map<string, Buffer>;

  beforeAll(() => {
    const left = new Set(["node_modules", ".git", "test", "dist/vsix"].map((name) => join(repository, name)));
    cpSync(repository, folder("copy"), { recursive: true, filter: (path) => !left.has(path) });
    symlinkSync(join(repository, "node_modules"), folder("copy", "node_modules"), "junction");
    for (const path of decoys) {
      mkdirSync(dirname(folder("copy", path)), { recursive: true });
      writeFileSync(folder("copy", path), "secret");
    }
    const options = { cwd: folder("copy"), stdio: "pipe" } as const;
    execFileSync(process.execPath, ["--import", "tsx", "scripts/package/package.ts", "none"], options);
    const name = readdirSync(folder("copy", "dist", "vsix")).find((entry) => entry.startsWith("ulpt-lab-"))!;
    files = unzip(readFileSync(folder("copy", "dist", "vsix", name)));
  });

  it("has what an extension is made of and nothing that lies beside it", () => {
    const names = [...files.keys()];
    expect(names.filter((name) => decoys.includes(name.replace("extension/", "")))).toEqual([]);
    expect(names.filter((name) => !patterns.some((pattern) => pattern.test(name)))).toEqual([]);
    expect(patterns.filter((pattern) => !names.some((name) => pattern.test(name)))).toEqual([]);
  });

  it("is packed by a list that names its files one by one, and takes no pattern", () => {
    for (const line of ["!dist/**", "!media/*.png", "!media/", "media/icon.png"]) {
      writeFileSync(folder(".vscodeignore"), `**\n!README.md\n${line}\n`);
      expect(() => allowedFiles(folder())).toThrow(line);
    }
    expect(allowedFiles(repository)).toContain("media/icon.png");
  });

  it("has every file that its manifest and its README name", () => {
    const manifest = JSON.parse(files.get("extension/package.json")!.toString());
    const pictures = [
      ...files
        .get("extension/readme.md")!
        .toString()
        .matchAll(/\]\((media\/[^)]+)\)/g),
    ].map(([, path]) => path!);
    const named = [...pathsIn(manifest), ...pictures, "dist/cli.js"];
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((path) => !path.endsWith("experiment.schema.json") && !files.has(`extension/${path}`))).toEqual(
      [],
    );
  });

  it("has every page that was built, with its style", () => {
    const built = readdirSync(join(repository, "dist", "webview")).filter((name) => !name.endsWith(".map"));
    expect(built.length).toBeGreaterThan(3);
    expect(built.filter((name) => !files.has(`extension/dist/webview/${name}`))).toEqual([]);
  });

  it("carries the licences of what is bundled, and nothing of the engine's where the engine is not there", () => {
    const text = files.get("extension/THIRD_PARTY_NOTICES.txt")!.toString();
    for (const name of [
      "chart.js",
      "preact",
      "zod",
      "@vscode/webview-ui-toolkit",
      "@microsoft/fast-element",
      "hyparquet",
    ])
      expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
    for (const name of ["tiny-notes-t5", "tiny-notes-llama"]) expect(text).toContain(name);
    expect(text).not.toContain("onnxruntime-node");
  });
});

describe("the notices", () => {
  it("have a text for every bundled package, and for the engine the projects that its binaries are made of", () => {
    const { packages } = readBundles(repository);
    const sections = thirdPartyNotices(repository, [...packages, "node_modules/onnxruntime-node"]).split(/^={80}$/m);
    expect(sections).toHaveLength(packages.length + 2);
    for (const section of sections.slice(1))
      expect(section).toMatch(/Permission (is hereby granted|to use)|Redistribution and use|Apache License/i);
    expect(sections.find((section) => section.startsWith("\n\nonnxruntime-node"))).toMatch(/^Eigen$/m);
  });
});

describe("the engine", () => {
  it("comes as code and the binaries of one platform", () => {
    const modules = join(repository, "node_modules");
    const all = ["onnxruntime-node", "onnxruntime-common"].flatMap((name) =>
      readdirSync(join(modules, name), { recursive: true, encoding: "utf8" }).map((path) => `${name}/${path}`),
    );
    const packed = all.filter((path) => isOfEngine(path, "linux/x64"));
    expect(packed.filter((path) => path.includes("/bin/")).sort()).toEqual([
      "onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1",
      "onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node",
    ]);
    expect(packed).toContain("onnxruntime-node/dist/index.js");
    expect(packed).toContain("onnxruntime-common/dist/cjs/index.js");
    expect(packed.filter((path) => !/\.(js|node|so\.1)$|\/package\.json$/.test(path))).toEqual([]);
  });
});
