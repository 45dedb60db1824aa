/** @file The sessions of a model's graphs, made when they are first needed; those that belong together share what they hold. */
import type { Model } from "../graph/emit.ts";
import { Session, type SessionOptions } from "../graph/session.ts";

export class GraphSessions {
  private readonly together: Readonly<Record<string, () => Model>>;
  private readonly options: SessionOptions;
  private made: Promise<Record<string, Session>> | undefined;
  private readonly apart = new Map<string, Promise<Session>>();

  /** @param together graphs by their names: the first that is asked for makes the sessions of all */
  constructor(together: Readonly<Record<string, () => Model>>, options: SessionOptions) {
    this.together = together;
    this.options = options;
  }

  /** The session of a graph. @param graph where it is none of those together @throws as `Session.create` */
  async get(name: string, graph: () => Model): Promise<Session> {
    if (this.together[name]) {
      this.made ??= this.makeTogether();
      return (await this.made)[name]!;
    }
    const known = this.apart.get(name) ?? Session.create(graph(), this.options);
    this.apart.set(name, known);
    return known;
  }

  async release(): Promise<void> {
    const made = await Promise.allSettled([this.made, ...this.apart.values()]);
    const sessions = made.flatMap((one) => (one.status === "fulfilled" && one.value ? sessionsIn(one.value) : []));
    await Promise.allSettled(sessions.map((session) => session.release()));
  }

  private async makeTogether(): Promise<Record<string, Session>> {
    const models = Object.entries(this.together).map(([name, graph]) => [name, graph()] as const);
    return Session.createTogether(Object.fromEntries(models), this.options);
  }
}

function sessionsIn(made: Session | Record<string, Session>): Session[] {
  return made instanceof Session ? [made] : Object.values(made);
}
