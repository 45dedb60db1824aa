/** @file Texts for people in the files of host/ that do not know `vscode`: they are handed `vscode.l10n.t`. */

/** `vscode.l10n.t`: the translation of a message, with `{0}`, `{1}`, … replaced. */
export type Translate = (message: string, ...values: (string | number)[]) => string;

/** The message as it was written. */
export const untranslated: Translate = (message, ...values) =>
  message.replaceAll(/\{(\d+)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));
