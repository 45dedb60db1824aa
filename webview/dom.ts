/**
 * @file Elements without a framework. Styles go through classes and the CSSOM, which the content policy allows. Text is put in as
 * text, never as HTML, and what cannot be seen in it, or would change the order of its letters, is written as an escape.
 */
import { visibleText } from "../src/words/surfaces.ts";

export type Child = Node | string | null | undefined | false;

/** Attributes by name; true sets an empty one, false and null leave it out. `on…` functions become listeners. */
export type Attributes = Readonly<
  Record<string, string | number | boolean | null | undefined | ((event: never) => void)>
>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  const shown = children.filter((child): child is Node | string => Boolean(child));
  element.append(...shown.map((child) => (typeof child === "string" ? visibleText(child) : child)));
  return element;
}

const svgNamespace = "http://www.w3.org/2000/svg";

export function svg(tag: string, attributes: Attributes = {}, ...children: SVGElement[]): SVGElement {
  const element = document.createElementNS(svgNamespace, tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as (event: Event) => void);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : shownAttribute(name, String(value)));
  }
}

/** Attributes that people read or hear; the values of others, as of `value`, are taken as they are. */
function shownAttribute(name: string, value: string): string {
  return name === "title" || name === "aria-label" || name === "placeholder" ? visibleText(value) : value;
}

/** Sets the text where it changed: a live region speaks at every change. */
export function setText(element: Element, text: string): void {
  const shown = visibleText(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/** Makes `parent` hold exactly these children, and leaves those in place that are there already (focus stays). */
export function replaceChildren(parent: Element, children: readonly Node[]): void {
  children.forEach((child, index) => {
    if (parent.childNodes[index] !== child) parent.insertBefore(child, parent.childNodes[index] ?? null);
  });
  while (parent.childNodes.length > children.length) parent.lastChild?.remove();
}
