/** @file A short answer, asked for again where the line fails, and read whole while it may still be asked for again. */
import { type Exchange, exchange, Interrupted } from "./exchange.ts";
import { backoff, pause } from "./pauses.ts";
import { patienceOf, type Site } from "./site.ts";

/** An answer that is longer than any should be. */
export class Endless extends Error {}

export interface AskOptions {
  mostBytes: number;
  /** Returns if the answer has what was asked for. @throws Interrupted where the server may be asked again, or what its refusal means */
  checkAnswer: (answer: Exchange) => void | Promise<void>;
  signal?: AbortSignal | undefined;
}

/** @throws what `checkAnswer` throws; Interrupted where patience did not help, Misdirected, Endless; the reason of `signal` */
export async function ask(
  address: string,
  site: Site,
  { mostBytes, checkAnswer, signal }: AskOptions,
): Promise<{ body: Buffer; headers: Headers }> {
  const patience = patienceOf(site);
  for (let attempt = 1; ; attempt++) {
    try {
      const headers = { accept: "application/json" };
      const answer = await exchange(address, site, { headers, signal, deadline: patience.answer });
      try {
        await checkAnswer(answer);
        return { body: await wholeBody(answer, mostBytes), headers: answer.response.headers };
      } finally {
        answer.close();
      }
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      // Without a connection at all, what is here already can answer at once.
      const hopeless = ["certificate", "name", "refused"].includes(error.kind);
      const tooLong = (error.retryAfter ?? 0) > patience.longestRetryAfter;
      if (hopeless || tooLong || attempt > patience.retries) throw error;
      await pause(error.retryAfter ?? backoff(attempt, patience), signal);
    }
  }
}

async function wholeBody(answer: Exchange, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.chunks()) {
    bytes += chunk.length;
    if (bytes > most) throw new Endless(`The answer is longer than ${most} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
