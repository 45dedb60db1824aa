/** @file Colours as VS Code writes them into a page's variables, and what can be reckoned with them. No DOM. */

/** Red, green and blue from 0 to 255, opacity from 0 to 1. */
export interface Color {
  red: number;
  green: number;
  blue: number;
  opacity: number;
}

/** `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa`, `rgb(…)` and `rgba(…)`; undefined for anything else. */
export function parseColor(text: string): Color | undefined {
  const hex = /^#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i.exec(text.trim())?.[1];
  if (hex) {
    const digits = hex.length <= 4 ? [...hex].map((digit) => digit + digit) : (hex.match(/../g) ?? []);
    const [red = 0, green = 0, blue = 0, opacity = 255] = digits.map((pair) => Number.parseInt(pair, 16));
    return { red, green, blue, opacity: opacity / 255 };
  }
  const parts = /^rgba?\(([^)]*)\)$/i.exec(text.trim())?.[1]?.match(/[\d.]+%?/g);
  if (!parts || parts.length < 3) return undefined;
  const [red = 0, green = 0, blue = 0, opacity = 1] = parts.map((part) =>
    part.endsWith("%") ? Number.parseFloat(part) / 100 : Number(part),
  );
  return { red, green, blue, opacity };
}

function cssOf({ red, green, blue, opacity }: Color): string {
  return `rgba(${Math.round(red)}, ${Math.round(green)}, ${Math.round(blue)}, ${opacity})`;
}

/** The colour with a share of its opacity. */
export function fade(text: string, share: number): string {
  const color = parseColor(text);
  return color ? cssOf({ ...color, opacity: color.opacity * share }) : text;
}

/** From `from` towards `to`, by a share of the way. */
function mix(from: Color, to: Color, share: number): Color {
  const between = (a: number, b: number) => a + (b - a) * share;
  return {
    red: between(from.red, to.red),
    green: between(from.green, to.green),
    blue: between(from.blue, to.blue),
    opacity: 1,
  };
}

/** Relative luminance, from 0 (black) to 1 (white): WCAG 2.2. */
function luminance({ red, green, blue }: Color): number {
  const linear = (value: number) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** From 1 to 21: WCAG 2.2. */
function contrastOf(one: Color, other: Color): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const white: Color = { red: 255, green: 255, blue: 255, opacity: 1 };
const black: Color = { red: 0, green: 0, blue: 0, opacity: 1 };

/** The contrast of a colour as it is seen on a background; undefined where one of them is no colour. */
export function contrast(text: string, background: string): number | undefined {
  const [color, under] = [parseColor(text), parseColor(background)];
  return color && under ? contrastOf(mix(under, color, color.opacity), under) : undefined;
}

/**
 * The colour as it is seen where it has that much contrast with the background, else opaque, and then no lighter or darker than
 * it has to be. Themes have colours for charts that are meant to lie over text, and can hardly be seen beside it.
 */
export function legible(text: string, background: string, least = 3): string {
  const [color, under] = [parseColor(text), parseColor(background)];
  if (!color || !under) return text;
  const seen = mix(under, color, color.opacity);
  if (contrastOf(seen, under) >= least) return cssOf(seen);
  const end = contrastOf(white, under) > contrastOf(black, under) ? white : black;
  const opaque = { ...color, opacity: 1 };
  for (let share = 0; share < 1; share += 0.02) {
    const candidate = mix(opaque, end, share);
    if (contrastOf(candidate, under) >= least) return cssOf(candidate);
  }
  return cssOf(end);
}
