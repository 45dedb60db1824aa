/** @file What went wrong, and what can be done. */
import type { ComponentChildren, JSX } from "preact";

export function Trouble({
  message,
  hint,
  children,
}: {
  message: string;
  hint: string;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="trouble" role="alert">
      <p>{message}</p>
      {hint && <p class="quiet">{hint}</p>}
      {children}
    </div>
  );
}
