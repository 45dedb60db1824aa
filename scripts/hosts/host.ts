/**
 * @file Hosts on one machine: namespaces of the kernel with a name, processes and a network of their own, and the same files. What
 * one sees of the other is what two machines on a shared folder see.
 */
import { spawnSync } from "node:child_process";
import { Command } from "../../test/support/cli.ts";

const namespaces = ["--uts", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"];
/** For who is not root: in a namespace of users one may make the others. */
const ways = [namespaces, ["--user", "--map-root-user", ...namespaces]];

/** What makes a host, by its name; undefined where the kernel lets this user make none. */
export function findHosts(): ((name: string) => Host) | { why: string } {
  let why = "";
  for (const way of ways) {
    const within = (name: string) => ["unshare", ...way, "sh", "-c", 'hostname "$0" && exec "$@"', name];
    const [program, ...args] = [...within("trial"), "hostname"];
    const { stdout, stderr, error } = spawnSync(program!, args, { encoding: "utf8" });
    if (stdout?.trim() === "trial") return (name) => new Host(name, within(name));
    why = error ? error.message : stderr.trim();
  }
  return { why };
}

export class Host {
  readonly name: string;
  private readonly within: readonly string[];

  constructor(name: string, within: readonly string[]) {
    this.name = name;
    this.within = within;
  }

  /** Runs `ulpt ...args` there. A SIGKILL ends the host with all that runs on it. */
  ulpt(args: readonly string[], cwd: string): Command {
    return new Command(args, { cwd, within: this.within });
  }
}
