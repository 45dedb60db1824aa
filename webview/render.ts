/**
 * @file Draws components with Preact. Text is put in as text, never as HTML, and what cannot be seen in it, or would change the
 * order of its letters, is written as an escape: here, for every element that is drawn.
 */
import { type ComponentChild, type ComponentChildren, Fragment, options, render as renderNode } from "preact";
import { visibleText } from "../src/words/surfaces.ts";

const begun = new WeakSet<Element>();

/** Draws into `root`, the first time in place of what stood there until then. */
export function render(node: ComponentChild, root: Element): void {
  if (!begun.has(root)) root.replaceChildren();
  begun.add(root);
  renderNode(node, root);
}

/** Attributes that people read or hear; the values of others, as of `value`, are taken as they are. */
const readAttributes = ["title", "aria-label", "placeholder"] as const;

const inherited = options.vnode;
options.vnode = (node) => {
  if (typeof node.type === "string" || node.type === Fragment) {
    const props = node.props as Record<string, unknown>;
    props.children = visible(props.children as ComponentChildren);
    for (const name of readAttributes) {
      if (typeof props[name] === "string") props[name] = visibleText(props[name]);
    }
  }
  inherited?.(node);
};

function visible(children: ComponentChildren): ComponentChildren {
  if (typeof children === "string") return visibleText(children);
  return Array.isArray(children) ? children.map(visible) : children;
}
