/**
 * @file The controls of the panel, and the only place that knows the toolkit (@vscode/webview-ui-toolkit 1.4, retired
 * upstream). Replacing it means rewriting this file: everything else gets plain elements from these functions.
 * Native elements stand in where the toolkit has nothing (slider, segments) or misbehaves (its dropdown opens behind its
 * parents and forgets a value that is set early).
 */
import {
  type Button,
  type Checkbox,
  provideVSCodeDesignSystem,
  type TextField,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDivider,
  vsCodeLink,
  vsCodeTextField,
} from "@vscode/webview-ui-toolkit";
import { h } from "../dom.ts";
import { type IconName, icon } from "./icons.ts";

provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDivider(),
  vsCodeLink(),
  vsCodeTextField(),
);

function create<E extends HTMLElement>(tag: string): E {
  return document.createElement(tag) as E;
}

export interface ButtonOptions {
  label: string;
  title?: string;
  icon?: IconName;
  primary?: boolean;
  onClick: (event: MouseEvent) => void;
}

export function button({ label, title, icon: name, primary, onClick }: ButtonOptions): HTMLElement {
  const element = create<Button>("vscode-button");
  element.appearance = primary ? "primary" : "secondary";
  if (name) {
    const start = h("span", { slot: "start", class: "button-icon" });
    start.append(icon(name));
    element.append(start);
  }
  element.append(label);
  if (title) element.title = title;
  element.addEventListener("click", onClick);
  return element;
}

export function setDisabled(element: HTMLElement, disabled: boolean): void {
  (element as Button).disabled = disabled;
}

/** A button that is only an icon; its name is said and shown as a hint. */
export function iconButton({
  label,
  icon: name,
  onClick,
}: Pick<ButtonOptions, "label" | "onClick"> & { icon: IconName }): HTMLElement {
  const element = create<Button>("vscode-button");
  element.appearance = "icon";
  element.append(icon(name));
  element.title = label;
  element.setAttribute("aria-label", label);
  element.addEventListener("click", onClick);
  return element;
}

export interface Checking {
  element: HTMLElement;
  set(checked: boolean): void;
}

export function checkbox(label: string, onChange: (checked: boolean) => void): Checking {
  const element = create<Checkbox>("vscode-checkbox");
  element.append(label);
  let silent = false;
  element.addEventListener("change", () => {
    if (!silent) onChange(element.checked);
  });
  return {
    element,
    set(checked) {
      if (element.checked === checked) return;
      silent = true;
      element.checked = checked;
      silent = false;
    },
  };
}

export function searchField(label: string, onInput: (text: string) => void): HTMLElement {
  const element = create<TextField>("vscode-text-field");
  element.placeholder = label;
  element.setAttribute("aria-label", label);
  element.addEventListener("input", () => onInput(element.value));
  return element;
}

export function link(label: string, onClick: () => void): HTMLElement {
  const element = create("vscode-link");
  element.setAttribute("href", "#");
  element.append(label);
  element.addEventListener("click", (event) => {
    event.preventDefault();
    onClick();
  });
  return element;
}

export function divider(): HTMLElement {
  return create("vscode-divider");
}

export interface Choosing<T extends string> {
  element: HTMLElement;
  set(value: T): void;
}

let groups = 0;

/** One of a few, side by side. Radio buttons underneath: arrow keys and screen readers know them. */
export function segmented<T extends string>(
  label: string,
  options: readonly { value: T; label: string }[],
  onChange: (value: T) => void,
): Choosing<T> {
  const name = `segments-${++groups}`;
  const inputs = options.map(({ value }) =>
    h("input", { type: "radio", name, value, onchange: () => onChange(value) }),
  );
  const element = h(
    "fieldset",
    { class: "segmented" },
    h("legend", { class: "hidden" }, label),
    ...options.map(({ label: text }, index) => h("label", {}, inputs[index]!, h("span", {}, text))),
  );
  return {
    element,
    set(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
  };
}

export interface Sliding {
  element: HTMLElement;
  set(value: number): void;
}

export function slider(
  label: string,
  title: string,
  { max, step }: { max: number; step: number },
  onInput: (value: number) => void,
): Sliding {
  const output = h("output", { class: "slider-value" });
  const input = h("input", {
    type: "range",
    min: 0,
    max,
    step,
    oninput: () => {
      output.textContent = input.value;
      onInput(Number(input.value));
    },
  });
  return {
    element: h("label", { class: "slider", title }, h("span", {}, label), input, output),
    set(value) {
      if (document.activeElement !== input) input.value = String(value);
      output.textContent = input.value;
    },
  };
}

export interface Selecting {
  element: HTMLElement;
  set(options: readonly { value: string; label: string }[], value: string): void;
}

export function select(label: string, onChange: (value: string) => void): Selecting {
  const input = h("select", { onchange: () => onChange(input.value) });
  let shown = "";
  return {
    element: h("label", { class: "select" }, h("span", {}, label), input),
    set(options, value) {
      const text = JSON.stringify(options);
      if (text !== shown) {
        shown = text;
        input.replaceChildren(...options.map((option) => h("option", { value: option.value }, option.label)));
      }
      input.value = value;
    },
  };
}

export interface Tabs<T extends string> {
  element: HTMLElement;
  set(value: T): void;
}

/** Tabs after the ARIA pattern: one of them is in the tab order, arrow keys move. */
export function tabs<T extends string>(
  label: string,
  options: readonly { value: T; label: string; panel: HTMLElement }[],
  onChange: (value: T) => void,
): Tabs<T> {
  const buttons = options.map(({ value, label: text, panel }) => {
    panel.id = `view-${value}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${value}`);
    return h(
      "button",
      { type: "button", role: "tab", id: `tab-${value}`, "aria-controls": panel.id, onclick: () => onChange(value) },
      text,
    );
  });
  const element = h("div", { class: "tabs", role: "tablist", "aria-label": label }, ...buttons);
  element.addEventListener("keydown", (event) => {
    const next = roving(event, buttons.indexOf(document.activeElement as HTMLButtonElement), buttons.length);
    if (next === undefined) return;
    buttons[next]!.focus();
    onChange(options[next]!.value);
  });
  return {
    element,
    set(value) {
      options.forEach((option, index) => {
        const chosen = option.value === value;
        buttons[index]!.setAttribute("aria-selected", String(chosen));
        buttons[index]!.tabIndex = chosen ? 0 : -1;
        option.panel.hidden = !chosen;
      });
    },
  };
}

/** Where an arrow, Home or End key moves to in a row of `count`; undefined for other keys. */
export function roving(event: KeyboardEvent, index: number, count: number): number | undefined {
  if (count === 0 || event.altKey || event.ctrlKey || event.metaKey) return undefined;
  const targets: Readonly<Record<string, number>> = {
    ArrowRight: (index + 1) % count,
    ArrowDown: (index + 1) % count,
    ArrowLeft: (index - 1 + count) % count,
    ArrowUp: (index - 1 + count) % count,
    Home: 0,
    End: count - 1,
  };
  const target = targets[event.key];
  if (target !== undefined) event.preventDefault();
  return target;
}

export interface MenuItem {
  label: string;
  run: () => void;
  disabled?: boolean;
}

let openMenu: (() => void) | undefined;

/** A menu at an element. Escape and a click elsewhere close it, and the focus goes back. */
export function showMenu(anchor: HTMLElement, label: string, items: readonly (MenuItem | "separator")[]): void {
  openMenu?.();
  const entries = items.filter((item) => item !== "separator");
  const buttons = entries.map(({ label: text, run, disabled }) =>
    h(
      "button",
      {
        type: "button",
        role: "menuitem",
        tabindex: -1,
        "aria-disabled": disabled ? "true" : null,
        onclick: () => {
          if (disabled) return;
          close();
          run();
        },
      },
      text,
    ),
  );
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label });
  let next = 0;
  for (const item of items) menu.append(item === "separator" ? h("hr", { role: "separator" }) : buttons[next++]!);

  const onOutside = (event: Event) => {
    if (!menu.contains(event.target as Node)) close(false);
  };
  const close = (giveFocusBack = true) => {
    menu.remove();
    document.removeEventListener("pointerdown", onOutside, true);
    window.removeEventListener("blur", onBlur);
    anchor.setAttribute("aria-expanded", "false");
    openMenu = undefined;
    if (giveFocusBack) anchor.focus();
  };
  const onBlur = () => close(false);
  openMenu = () => close(false);
  menu.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      close();
      return;
    }
    const target = roving(event, buttons.indexOf(document.activeElement as HTMLButtonElement), buttons.length);
    if (target !== undefined) buttons[target]!.focus();
  });
  document.addEventListener("pointerdown", onOutside, true);
  window.addEventListener("blur", onBlur);
  anchor.setAttribute("aria-expanded", "true");
  document.body.append(menu);
  placeBelow(menu, anchor.getBoundingClientRect());
  buttons[0]?.focus();
}

/** Below the anchor, or above where there is no room; always on screen. */
function placeBelow(menu: HTMLElement, anchor: DOMRect): void {
  const { width, height } = menu.getBoundingClientRect();
  const below = anchor.bottom + 2;
  const top = below + height > innerHeight - 4 ? Math.max(4, anchor.top - height - 2) : below;
  const left = Math.max(4, Math.min(anchor.left, innerWidth - width - 4));
  menu.style.top = `${top + scrollY}px`;
  menu.style.left = `${left + scrollX}px`;
}
