/** @file Why there is nothing to see. */
import type { ComponentChildren, JSX } from "preact";
import "./emptyState.css";

/** Why there is nothing to see, and what can be done. */
export function EmptyState({
  title,
  detail,
  children,
}: {
  title: string;
  detail: string;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty" role="status">
      <p class="empty-title">{title}</p>
      <p class="empty-detail">{detail}</p>
      {children && <div class="empty-actions">{children}</div>}
    </div>
  );
}
