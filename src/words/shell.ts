/** @file Words as a shell takes them, for the commands that people are told to type. */

/** Letters, digits and what stands for itself in every shell of the platform. */
const plain = {
  posix: /^[\p{L}\p{M}\p{N}_+,./:@=%-]+$/u,
  windows: /^[\p{L}\p{M}\p{N}_+./:=\\-]+$/u,
};

/** `word` as one argument, quoted only where it has to be: for sh, or on Windows for cmd and PowerShell. */
export function shellWord(word: string, platform = process.platform): string {
  if (platform === "win32") return plain.windows.test(word) ? word : `"${word}"`;
  return plain.posix.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
