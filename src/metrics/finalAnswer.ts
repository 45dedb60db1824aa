/** @file The final answer of a worked solution, as the paper's evaluation of GSM8K reads it. */

/** `\d` of Python is a decimal digit of any script, and its `.` stops at a line feed only. */
const commaInNumber = /(?<=\p{Nd}),(?=\p{Nd})/gu;
const number = /[-+]?\p{Nd}*\.\p{Nd}+|\p{Nd}+/gu;
const marked = /####[^\n]*?([-+]?\p{Nd}*\.\p{Nd}+|\p{Nd}+)/u;

/**
 * The first number after `####` on its line, else the last number of the text; undefined where it has none. Commas between
 * digits do not count. As in the reference, the sign of a whole number is lost: `-5` reads as `5`, `-5.0` as `-5.0`. It is
 * lost from targets too, so an answer of the wrong sign counts as right; a corrected reading could not be compared with
 * the paper's scores.
 */
export function finalNumber(text: string): string | undefined {
  const plain = text.replace(commaInNumber, "");
  return marked.exec(plain)?.[1] ?? plain.match(number)?.at(-1);
}

/** Whether both end in the same number, written the same way: `5` is not `5.0`. Texts without a number are compared whole. */
export function sameFinalAnswer(prediction: string, target: string): boolean {
  return finalAnswer(prediction) === finalAnswer(target);
}

function finalAnswer(text: string): string {
  return finalNumber(text) ?? text.replace(commaInNumber, "").trim();
}
