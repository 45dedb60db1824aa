/** @file Where the command line of this process lies, to be started anew. */
import { fileURLToPath } from "node:url";

/** `cli.js`: all of the runtime lies beside it, this code, too. */
export const ownProgram = fileURLToPath(new URL("cli.js", import.meta.url));
