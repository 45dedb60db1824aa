/** @file A method with parameters, in front of any texts: values for the ports of its model. */
import { floats } from "../graph/session.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import type { PortUse, PortValues } from "../models/ports.ts";
import type { ParameterValues, PromptMethod } from "../prompts/method.ts";
import { PromptSession, portsInUse, type TextValues } from "../prompts/prompt.ts";

type Tokens = readonly number[];

export interface Prompted {
  readonly use: PortUse;
  /** Values for these texts; of a method that reads no texts the same tensors each time. */
  values(sources: readonly Tokens[]): Promise<PortValues>;
}

/** Texts as a method reads them. */
export class TextReader {
  private readonly model: Pick<LanguageModel, "config" | "readEmbeddings">;
  private readonly rows = new Map<number, Float32Array>();

  constructor(model: Pick<LanguageModel, "config" | "readEmbeddings">) {
    this.model = model;
  }

  read(sources: readonly Tokens[]): TextValues {
    const { hiddenSize } = this.model.config;
    const length = Math.max(1, ...sources.map((source) => source.length));
    const embeddings = new Float32Array(sources.length * length * hiddenSize);
    const mask = new Float32Array(sources.length * length);
    for (const [row, source] of sources.entries()) {
      for (const [position, token] of source.entries()) {
        const index = row * length + position;
        embeddings.set(this.embedding(token), index * hiddenSize);
        mask[index] = 1;
      }
    }
    return {
      embeddings: floats(embeddings, [sources.length, length, hiddenSize]),
      mask: floats(mask, [sources.length, length]),
    };
  }

  private embedding(token: number): Float32Array {
    const known = this.rows.get(token);
    if (known) return known;
    const row = this.model.readEmbeddings(token, 1);
    this.rows.set(token, row);
    return row;
  }
}

/** What a method takes of its model. */
export function useOf(method: PromptMethod): PortUse {
  const ports = portsInUse(method);
  const standsInFront = ports.some((port) => port !== "inputDelta");
  return { ports, promptLength: standsInFront ? method.promptLength : 0 };
}

/** The same prompt behind so many tokens of every text. */
export function behind({ use, values }: Prompted, leading: number): Prompted {
  if (leading === 0) return { use, values };
  return { use, values: async (sources) => ({ ...(await values(sources)), leading }) };
}

/** With these parameters, as long as the session lives. */
export async function promptedBy(
  session: PromptSession,
  parameters: ParameterValues,
  reader: TextReader,
): Promise<Prompted> {
  const use = useOf(session.method);
  if (session.method.readsText) return { use, values: (sources) => session.values(parameters, reader.read(sources)) };
  const values = await session.values(parameters);
  return { use, values: async () => values };
}

/** With these parameters, for good: of a method that reads texts a session is opened for each batch. */
export async function prompted(
  method: PromptMethod,
  parameters: ParameterValues,
  model: Pick<LanguageModel, "config" | "readEmbeddings">,
): Promise<Prompted> {
  const reader = new TextReader(model);
  const inSession = async <T>(work: (session: PromptSession) => Promise<T>): Promise<T> => {
    const session = await PromptSession.create(method);
    try {
      return await work(session);
    } finally {
      await session.release();
    }
  };
  return inSession(async (session) => {
    const once = await promptedBy(session, parameters, reader);
    if (!method.readsText) return once;
    const values = (sources: readonly Tokens[]) => inSession((own) => own.values(parameters, reader.read(sources)));
    return { use: once.use, values };
  });
}
