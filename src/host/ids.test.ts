import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import texts from "../../package.nls.json" with { type: "json" };
import * as ids from "./ids.ts";

const { contributes } = manifest;
const declared: { command: string; title: string; category?: string }[] = contributes.commands;
const inCode = Object.entries(ids).flatMap(([name, group]) => (/Commands$/.test(name) ? Object.values(group) : []));
const registered: string[] = [...new Set<string>(inCode)].filter((id) => !id.startsWith("ulpt.internal."));
const usedInMenus = Object.values(contributes.menus).flatMap((items) => items.map(({ command }) => command));
const sorted = (list: Iterable<string>) => [...new Set(list)].sort();

describe("package.json and the code", () => {
  it("declare and register the same commands", () => {
    expect(sorted(declared.map(({ command }) => command))).toEqual(sorted(registered));
    expect(declared).toHaveLength(new Set(registered).size);
  });

  it("put only declared commands into menus and welcome texts", () => {
    const inTexts = Object.values(texts).flatMap((text) => text.match(/command:ulpt\.\w+/g) ?? []);
    const used = [...usedInMenus, ...inTexts.map((link) => link.slice("command:".length))];
    expect(used.filter((id) => !registered.includes(id))).toEqual([]);
  });

  it("say for each command when the palette offers it, or offer it always", () => {
    const needsItem = usedInMenus.filter((id) => !declared.some(({ command }) => command === id));
    expect(needsItem).toEqual([]);
    for (const { category } of declared) expect(category).toBe("ULPT");
  });

  it("agree on views, task type, problem matcher and restricted settings", () => {
    expect(contributes.views.ulpt.map(({ id }) => id)).toEqual(Object.values(ids.views));
    expect(contributes.viewsContainers.activitybar[0]!.id).toBe(ids.viewContainer);
    expect(contributes.taskDefinitions[0]!.type).toBe(ids.taskType);
    expect(contributes.problemMatchers.map(({ name }) => `$${name}`)).toContain(ids.problemMatcher);
    expect(contributes.problemMatchers.map(({ owner }) => owner)).not.toContain(ids.diagnosticOwner);
    expect(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations).toEqual(ids.restrictedSettings);
  });

  it("agree on at most twelve settings, each with a scope", () => {
    const { properties } = contributes.configuration;
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.values(ids.settings)));
    expect(Object.keys(properties).length).toBeLessThanOrEqual(12);
    for (const setting of Object.values(properties)) expect(setting).toHaveProperty("scope");
  });

  it("let no workspace name a program, turn a token elsewhere or allow programs", () => {
    const { properties } = contributes.configuration;
    expect(properties[ids.settings.nodePath].scope).toBe("machine");
    expect(properties[ids.settings.hubEndpoint].scope).toBe("machine");
    expect(properties[ids.settings.runGeneratedCode]).toMatchObject({ scope: "application", default: false });
  });

  it("have a text for every key, and no text without one", () => {
    const written = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    const keys = [...written.matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key!);
    expect(sorted(keys)).toEqual(sorted(Object.keys(texts)));
  });

  it("use only context keys that are set", () => {
    const whens = JSON.stringify([contributes.menus, contributes.viewsWelcome]);
    const used = whens.match(/(?<!view == )\bulpt\.\w+(?=[ )"]| &&)/g) ?? [];
    const known: string[] = [
      ...Object.values(ids.contextKeys),
      ...Object.values(ids.views),
      ids.promptEditorType,
      ...registered,
    ];
    expect(sorted(used).filter((key) => !known.includes(key))).toEqual([]);
  });
});

describe("what people read", () => {
  it("is translatable: no English in calls that show text", () => {
    const sources = readdirSync(new URL(".", import.meta.url), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
      .map((path) => ({ path, text: readFileSync(join(import.meta.dirname, path), "utf8") }));
    const shown = /show(?:Information|Warning|Error)Message\(\s*["'`]/;
    expect(sources.filter(({ text }) => shown.test(text)).map(({ path }) => path)).toEqual([]);
  });
});
