/** @file What commands take where nobody says. */

/** Of `ulpt cost`: ranks of ulpt to reckon, and lengths of texts to read. */
export const costDefaults = { ranks: [2, 16, 64, 256], textLengths: [16, 64, 256] };
