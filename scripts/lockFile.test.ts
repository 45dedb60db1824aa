/** @file The lock file is complete, as `npm ci` wants it: npm 11 refuses one that lacks another platform's optional package. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { repository } from "../test/support/bundle.ts";

interface Locked {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** The packages that one of the lock file needs: those that npm may leave out of an installation too. */
function needs({ dependencies, devDependencies, optionalDependencies, peerDependencies, ...rest }: Locked): string[] {
  const isOptionalPeer = (name: string) => rest.peerDependenciesMeta?.[name]?.optional;
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !isOptionalPeer(name));
  return [
    ...[dependencies, devDependencies, optionalDependencies].flatMap((some) => Object.keys(some ?? {})),
    ...peers,
  ];
}

/** The folders in which Node looks for a package, from that of the one which needs it upwards. */
function places(from: string, name: string): string[] {
  const folders = from.split(/(?=node_modules\/)/).map((_, depth, parts) => parts.slice(0, depth + 1).join(""));
  return [...folders.map((folder) => `${folder.replace(/\/$/, "")}/node_modules/${name}`), `node_modules/${name}`];
}

it("package-lock.json has every package that it asks for, those of other platforms too", () => {
  const lock = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  const missing = Object.entries(lock.packages).flatMap(([path, locked]) =>
    needs(locked)
      .filter((name) => !places(path, name).some((place) => place in lock.packages))
      .map((name) => `${name}, which "${path}" needs`),
  );
  expect(missing).toEqual([]);
});
