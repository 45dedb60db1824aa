/** @file Phrases with gaps, such as "{name} paid {price} euros": words and slots, checked by the compiler. */

type SlotsOf<T extends string> = T extends `${string}{${infer Slot}}${infer Rest}` ? Slot | SlotsOf<Rest> : never;

type Part<Slot extends string> = { readonly word: string } | { readonly slot: Slot };

export type Template<Slot extends string = never> = readonly Part<Slot>[];

export function template<const T extends string>(text: T): Template<SlotsOf<T>> {
  return text
    .split(" ")
    .map((part) => (part.startsWith("{") ? { slot: part.slice(1, -1) as SlotsOf<T> } : { word: part }));
}

export function templates<const T extends readonly string[]>(...texts: T): readonly Template<SlotsOf<T[number]>>[] {
  return texts.map((text) => template<T[number]>(text));
}

/** Appends the phrase to `out`; `write` appends what belongs in a slot. */
export function fill<Slot extends string>(phrase: Template<Slot>, out: string[], write: (slot: Slot) => void): void {
  for (const part of phrase) {
    if ("word" in part) out.push(part.word);
    else write(part.slot);
  }
}

/** The fixed words of phrases, for the vocabulary. */
export function wordsOf(phrases: Iterable<Template<string>>): string[] {
  return [...phrases].flatMap((phrase) => phrase.flatMap((part) => ("word" in part ? [part.word] : [])));
}
