/** @file Vitest's global setup for tests in VS Code: what their files share is made once, before the first of them. */
import { prepare } from "./install.ts";
import { packedExtension } from "./vsix.ts";

export default function setup(): void {
  if (prepare().server) packedExtension();
}
