/**
 * Each token that is written has keys and values of its own made of those before, whose garbage is collected late: so many of them are
 * in memory, measured on runs.
 */
export const cacheVersions = 3;
