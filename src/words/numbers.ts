/** @file Sizes and times as people read them, alike in the tree, the panel and every message. Runs in the webview, too. */

/** 1234 → `1.2 KB`, in thousands */
export function byteText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** 75 → `1m 15s`, 4000 → `1h 07m`, 0.5 → `0.5s`; `–` for what is not known: infinite or NaN */
export function durationText(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))}s`;
  const whole = Math.round(seconds);
  const padded = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${padded(whole % 60)}s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)}h ${padded(minutes % 60)}m`;
}

/** As `durationText`, but does not change every second: 700 → `12m`, 4000 → `1h 07m`, 44 → `50s` */
export function roughDurationText(seconds: number): string {
  if (seconds <= 50) return `${10 * Math.max(1, Math.ceil(seconds / 10))}s`;
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes < 60 ? `${minutes}m` : durationText(60 * minutes);
}
