/** @file A menu at an element. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { render } from "../render.ts";
import { roving } from "./roving.ts";
import "./menu.css";

export interface MenuItem {
  label: string;
  run: () => void;
  disabled?: boolean | undefined;
}

let closeOpen: (() => void) | undefined;

/** Escape and a click elsewhere close it, and the focus goes back. */
export function showMenu(anchor: HTMLElement, label: string, items: readonly (MenuItem | "separator")[]): void {
  closeOpen?.();
  const layer = document.createElement("div");
  const onOutside = (event: Event) => {
    if (!layer.contains(event.target as Node)) close(false);
  };
  const onBlur = () => close(false);
  const close = (giveFocusBack = true) => {
    render(null, layer);
    layer.remove();
    document.removeEventListener("pointerdown", onOutside, true);
    window.removeEventListener("blur", onBlur);
    anchor.setAttribute("aria-expanded", "false");
    closeOpen = undefined;
    if (giveFocusBack) anchor.focus();
  };
  closeOpen = () => close(false);
  document.addEventListener("pointerdown", onOutside, true);
  window.addEventListener("blur", onBlur);
  anchor.setAttribute("aria-expanded", "true");
  document.body.append(layer);
  render(<Menu anchor={anchor} label={label} items={items} onClose={close} />, layer);
}

interface MenuProps {
  anchor: HTMLElement;
  label: string;
  items: readonly (MenuItem | "separator")[];
  onClose: () => void;
}

function Menu({ anchor, label, items, onClose }: MenuProps): JSX.Element {
  const menu = useRef<HTMLDivElement>(null);
  const buttons = () => [...(menu.current?.querySelectorAll("button") ?? [])];
  useLayoutEffect(() => {
    if (!menu.current) return;
    placeBelow(menu.current, anchor.getBoundingClientRect());
    buttons()[0]?.focus();
  }, []);
  const onKey = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      onClose();
      return;
    }
    const all = buttons();
    const target = roving(event, all.indexOf(document.activeElement as HTMLButtonElement), all.length);
    if (target !== undefined) all[target]!.focus();
  };
  return (
    <div class="menu" role="menu" tabIndex={-1} aria-label={label} ref={menu} onKeyDown={onKey}>
      {items.map((item, index) =>
        item === "separator" ? (
          <hr key={index} />
        ) : (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            tabIndex={-1}
            aria-disabled={item.disabled || undefined}
            onClick={() => {
              if (item.disabled) return;
              onClose();
              item.run();
            }}
          >
            {item.label}
          </button>
        ),
      )}
    </div>
  );
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
