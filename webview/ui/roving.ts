/** @file Keys in a row of controls of which one is in the tab order. */

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
