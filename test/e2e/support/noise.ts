/** @file What VS Code and code-server complain about by themselves. Everything else is ours to answer for. */

export interface Message {
  /** `console`, or the name of a log. */
  from: string;
  level: string;
  text: string;
  /** Address of the script, or the log. */
  where: string;
}

/** Complaints that are not ours, each with its reason. */
const known: readonly { pattern: RegExp; reason: string }[] = [
  {
    pattern: /404 \(Not Found\).*\/vsda\/rust\/web\/vsda/,
    reason: "a signing library of Microsoft that code-server does not ship",
  },
  {
    pattern: /Timed out waiting for authentication provider 'github' to register/,
    reason: "VS Code's own accounts menu asks for a provider that code-server has not got, for ten seconds",
  },
  {
    pattern: /\[lifecycle\] Long running operations during shutdown are unsupported/,
    reason: "any reload of a window in a browser",
  },
  {
    pattern: /Unable to write file 'vscode-log:.*IndexedDB database .* is closed/,
    reason: "the log of the window while it is reloaded",
  },
  {
    pattern: /Unable to (read|write) file .*\(Canceled: Canceled\)/,
    reason: "the workbench reads and keeps settings while it is reloaded",
  },
  {
    pattern: /ERR color: #f33 Canceled: Canceled\n\s+at .*\/workbench\.js/,
    reason: "calls to an extension host that is ended",
  },
  {
    pattern: /\[vscode\.json-language-features\] provider FAILED|Channel has been closed.*json-language-features/s,
    reason: "VS Code's own support of JSON was asked for colours when its window was closed or reloaded",
  },
  {
    pattern: /No tree item with id '1\/\/.*' found/,
    reason: "VS Code asks for the children of a row whose parent is just drawn anew, and then draws that again",
  },
  {
    pattern: /Unable to refresh tree view ulpt\.\w+: Canceled/,
    reason: "VS Code's word for a refresh that was under way when the window was reloaded",
  },
];

/** The errors among the messages, and whatever a content policy refused; without the known ones of others. */
export function complaints(messages: readonly Message[]): string[] {
  return messages
    .filter(({ level, text }) => level === "error" || level === "critical" || /content.security.policy|csp/i.test(text))
    .map(({ from, level, text, where }) => `${from} [${level}] ${text} (${where})`)
    .filter((text) => !known.some(({ pattern }) => pattern.test(text)));
}
