/** @file Models and data sets of the Hugging Face Hub as local files: from the cache where it has them, else downloaded into it. */
import { readFile } from "node:fs/promises";
import { UlptError } from "../errors.ts";
import type { OnProgress } from "../fetching/progress.ts";
import { checkContent } from "../formats/contentHash.ts";
import { knownModels } from "../formats/knownModels.ts";
import type { RemoteFile } from "./api.ts";
import {
  type CachedRepository,
  cachedCommits,
  cachedIds,
  cachedRepository,
  listSnapshot,
  pathInSnapshot,
  quantizedFolder,
  readRef,
  snapshotFolder,
  writeRef,
} from "./cache.ts";
import { type CardConfig, cardConfigs, mostCardBytes } from "./datasetCard.ts";
import {
  type ChosenSplits,
  chooseSplits,
  datasetLayout,
  isParquet,
  type LayoutProblem,
  shardCount,
} from "./datasetLayout.ts";
import { type ModelPart, pickModelFiles, shardNames, unusableModel } from "./modelFiles.ts";
import { checkId, checkPath, checkRevision, isCommit, pageOf, type RepositoryType } from "./names.ts";
import type { Subject } from "./refusal.ts";
import { missingOffline, openRevision, type Revision } from "./revision.ts";
import { checkSettings, type HubSettings } from "./settings.ts";
import { completeSnapshot, linkPresent, missingFiles } from "./snapshot.ts";

export type { FetchProgress, OnProgress } from "../fetching/progress.ts";

export interface HubModel {
  /** The snapshot folder of the cache, with config.json, tokenizer.json and the weights. */
  folder: string;
  commit: string;
  /** For the person: the Hub could not be reached, and the cache was used. */
  warnings: string[];
  /** Of the part "description": bytes that the whole model would still have to bring; of the others 0. */
  left: number;
}

export interface HubDataset {
  commit: string;
  /** The one that was asked for, or where the files were found: "main" or "refs/convert/parquet". */
  revision: string;
  /** Split → local parquet files, in the order of their rows. */
  files: Record<string, string[]>;
  /** For the person: only a part of a split is there, or the Hub could not be reached and the cache was used. */
  warnings: string[];
}

export interface CachedModel {
  id: string;
  /** Of "main" where that is complete, else of the newest snapshot that is. */
  commit: string;
  folder: string;
}

interface RequestOptions {
  /** A branch, a tag or a full commit hash. */
  revision?: string | undefined;
  onProgress?: OnProgress | undefined;
  signal?: AbortSignal | undefined;
}

/** Where the Hub puts its own conversion of data sets that are not parquet. */
const convertedRevision = "refs/convert/parquet";

/** In bytes: what is read in a moment, as are configurations and tokenizers. */
const smallFile = 2 ** 25;

/** Why no revision of a data set has the wanted rows, in the order in which it is told. */
interface Reasons {
  /** There are rows, of other configurations or splits. */
  elsewhere: UlptError[];
  /** The Hub could not be asked. */
  cutOff: UlptError[];
  /** There are no parquet files. */
  nothing: UlptError[];
}

/** A subject with what belongs to it for one request. */
interface Opened {
  subject: Subject;
  repository: CachedRepository;
  settings: HubSettings;
  found: Revision;
}

export class Hub {
  private readonly settings: HubSettings;

  /** @throws UlptError OPTION_INVALID */
  constructor(settings: HubSettings) {
    checkSettings(settings);
    this.settings = settings;
  }

  /** Where what is made of models is kept, beside them. */
  get quantizedFolder(): string {
    return quantizedFolder(this.settings.cache);
  }

  /** The same Hub, of which nothing is asked: what the cache has must do. */
  offline(): Hub {
    return new Hub({ ...this.settings, offline: true });
  }

  /**
   * A model's files, all of one commit: `revision` ("main" unless given), or the commit that is cached under that name where
   * the Hub is not asked or cannot be reached. A full commit hash that is cached completely is not asked for. `part`
   * "tokenizer" leaves the weights where they are: for who only wants to count tokens; "description" the tokenizer, too, and tells
   * how much they are.
   * @throws UlptError HUB_NOT_FOUND, HUB_GATED, HUB_DENIED, HUB_UNREACHABLE, HUB_OFFLINE, HUB_ANSWER, HUB_CORRUPT;
   * MODEL_MISSING if there are no weights in safetensors, TOKENIZER_MISSING if there is no tokenizer; DISK_FULL,
   * RUN_UNWRITABLE. Rejects with the signal's reason as soon as it is aborted; what has come is kept for the next time.
   */
  async model(id: string, options: RequestOptions & { part?: ModelPart | undefined } = {}): Promise<HubModel> {
    const subject = this.subject("model", id, options.revision ?? "main");
    const opened = await this.open(subject, this.settings, options.signal);
    const { repository, found } = opened;
    const page = pageOf(this.settings.endpoint, subject.repository);

    const { files, index, lacking } = pickModelFiles(found.files, options.part);
    if (lacking.length > 0) {
      if (found.cutOff && !found.listed) throw missingOffline(found.cutOff, subject, this.settings, lacking);
      throw unusableModel(id, page, found.files, lacking);
    }
    if (index) files.push(...(await this.shardsOf(opened, index, options.signal)));
    await this.bring(opened, files, options);
    // The weights are checked where they are hashed for the run.
    for (const { path } of files.filter(({ size }) => size <= smallFile)) {
      await checkContent(pathInSnapshot(repository, found.commit, path));
    }
    await this.remember(opened);
    const folder = snapshotFolder(repository, found.commit);
    const left = options.part === "description" ? await this.bytesLeft(opened, options.signal) : 0;
    return { folder, commit: found.commit, warnings: found.warnings, left };
  }

  private async shardsOf(opened: Opened, index: RemoteFile, signal: AbortSignal | undefined): Promise<RemoteFile[]> {
    const { subject, repository, settings, found } = opened;
    await this.bring(opened, [index], { signal });
    const text = await readFile(pathInSnapshot(repository, found.commit, index.path), "utf8");
    return this.shards(opened, shardNames(text, pageOf(settings.endpoint, subject.repository)));
  }

  /** Of the whole model. @throws MODEL_MISSING, TOKENIZER_MISSING where it is none that can be used */
  private async bytesLeft(opened: Opened, signal: AbortSignal | undefined): Promise<number> {
    const { subject, repository, settings, found } = opened;
    const { files, index, lacking } = pickModelFiles(found.files);
    const page = pageOf(settings.endpoint, subject.repository);
    if (lacking.length > 0) throw unusableModel(subject.repository.id, page, found.files, lacking);
    const all = index ? [...files, ...(await this.shardsOf(opened, index, signal))] : files;
    const missing = await missingFiles(repository, found.commit, all);
    return missing.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * The parquet files of some splits of a data set. Without a `revision`, those of the repository itself ("main"), or else
   * those of the Hub's conversion. Without a `config`: the one that its card prefers, "default", or the only one.
   * @throws UlptError HUB_NOT_FOUND naming the configurations or splits there are; otherwise as `model`
   */
  async dataset(
    id: string,
    options: RequestOptions & { config?: string | undefined; splits: readonly string[] },
  ): Promise<HubDataset> {
    const { revision, config, splits, signal } = options;
    const revisions = revision === undefined ? ["main", convertedRevision] : [revision];
    const reasons: Reasons = { elsewhere: [], cutOff: [], nothing: [] };
    let settings = this.settings;
    let unreached: UlptError | undefined;
    for (const name of revisions) {
      const subject = this.subject("dataset", id, name);
      let opened: Opened;
      try {
        opened = await this.open(subject, settings, signal);
      } catch (error) {
        if (!(error instanceof UlptError)) throw error;
        if (error.code === "HUB_NOT_FOUND" && name === convertedRevision && revision === undefined) break;
        if (error.code !== "HUB_OFFLINE" && error.code !== "HUB_UNREACHABLE") throw error;
        reasons.cutOff.push(error);
        // Who could not be reached is not asked a second time, but the cache may have the other revision.
        settings = { ...settings, offline: true };
        if (error.code === "HUB_UNREACHABLE") unreached = error;
        continue;
      }
      const { repository, found } = opened;
      if (unreached) found.cutOff = unreached;
      for (const { path } of found.files.filter(isParquet))
        checkPath(path, pageOf(settings.endpoint, subject.repository));
      const configs = name === convertedRevision ? [] : await this.cardConfigs(opened, signal);
      const layout = datasetLayout(found.files, configs);
      const chosen = chooseSplits(layout, id, config, splits);
      if ("message" in chosen) {
        const kind = found.cutOff && !found.listed ? "cutOff" : layout.configs.size > 0 ? "elsewhere" : "nothing";
        reasons[kind].push(this.unusableLayout(opened, chosen));
        continue;
      }
      const wanted = [...chosen.splits.values()].flatMap(({ files }) => files);
      await this.bring(opened, wanted, options);
      await this.remember(opened);
      const paths = ({ files }: { files: RemoteFile[] }) =>
        files.map(({ path }) => pathInSnapshot(repository, found.commit, path));
      return {
        commit: found.commit,
        revision: name,
        files: Object.fromEntries([...chosen.splits].map(([split, files]) => [split, paths(files)])),
        warnings: [
          ...(unreached
            ? [`${unreached.message} The cached commit ${found.commit.slice(0, 12)} of ${id} is used.`]
            : []),
          ...found.warnings,
          ...splitWarnings(chosen, id, found),
        ],
      };
    }
    throw reasons.elsewhere[0] ?? reasons.cutOff[0] ?? reasons.nothing[0]!;
  }

  /** What the card of a data set says of its files; nothing where it is not to be had. */
  private async cardConfigs(opened: Opened, signal: AbortSignal | undefined): Promise<CardConfig[]> {
    const { repository, found } = opened;
    const card = found.files.find(({ path }) => path === "README.md");
    if (!card || card.size === 0 || card.size > mostCardBytes) return [];
    try {
      await this.bring(opened, [card], { signal });
    } catch (error) {
      // A data set may have been downloaded without its card.
      if (found.cutOff && error instanceof UlptError && error.code === found.cutOff.code) return [];
      throw error;
    }
    return cardConfigs(await readFile(pathInSnapshot(repository, found.commit, card.path), "utf8"));
  }

  /** Models in the cache that can be opened without the Hub, sorted by id. Whatever else lies there is passed over. */
  async cached(): Promise<CachedModel[]> {
    const models: CachedModel[] = [];
    for (const id of await cachedIds(this.settings.cache, "model")) {
      const repository = cachedRepository(this.settings.cache, { type: "model", id });
      const main = await readRef(repository, "main");
      for (const commit of new Set([...(main ? [main] : []), ...(await cachedCommits(repository))])) {
        if (!(await isWholeModel(repository, commit, await listSnapshot(repository, commit)))) continue;
        models.push({ id, commit, folder: snapshotFolder(repository, commit) });
        break;
      }
    }
    return models;
  }

  private subject(type: RepositoryType, id: string, revision: string): Subject {
    checkId({ type, id });
    checkRevision(revision);
    const known = type === "model" ? knownModels.map(({ id: one }) => one) : [];
    return {
      repository: { type, id },
      revision,
      candidates: async () => [
        ...known,
        ...(await cachedIds(this.settings.cache, type)).filter((other) => other !== id),
      ],
    };
  }

  private async open(subject: Subject, settings: HubSettings, signal: AbortSignal | undefined): Promise<Opened> {
    const repository = cachedRepository(settings.cache, subject.repository);
    const { type } = subject.repository;
    // Of a data set's files nothing says whether they are all there; a model's do.
    const isWhole = async (files: readonly RemoteFile[]) =>
      type === "model" && (await isWholeModel(repository, subject.revision, files));
    const found = await openRevision(subject, repository, settings, isWhole, signal);
    return { subject, repository, settings, found };
  }

  /** Makes sure that `files` are in the snapshot. */
  private async bring(
    { subject, repository, settings, found }: Opened,
    files: readonly RemoteFile[],
    { onProgress, signal }: Pick<RequestOptions, "onProgress" | "signal">,
  ): Promise<void> {
    const { commit, cutOff } = found;
    if (!cutOff) return completeSnapshot({ settings, subject, repository, commit, files, onProgress, signal });
    for (const { path } of files) checkPath(path, pageOf(settings.endpoint, subject.repository));
    const missing = await linkPresent(repository, commit, files);
    if (missing.length === 0) return;
    const names = missing.map(({ path }) => path);
    throw missingOffline(cutOff, subject, settings, names);
  }

  private shards({ subject, found }: Opened, names: readonly string[]): RemoteFile[] {
    const byPath = new Map(found.files.map((file) => [file.path, file]));
    const absent = names.filter((name) => !byPath.has(name));
    if (absent.length > 0) {
      if (found.cutOff && !found.listed) throw missingOffline(found.cutOff, subject, this.settings, absent);
      throw new UlptError(
        "MODEL_MISSING",
        `The model ${subject.repository.id} lacks a part of its weights: ${absent[0]}.`,
        {
          where: pageOf(this.settings.endpoint, subject.repository),
          expected: "every file that model.safetensors.index.json names",
          hint: "Take another revision of the model: an upload seems to have been cut short.",
        },
      );
    }
    return names.flatMap((name) => byPath.get(name) ?? []);
  }

  /** The name now stands for a commit that is here, as the Hub has just confirmed. */
  private async remember({ subject, repository, found }: Opened): Promise<void> {
    if (found.cutOff || isCommit(subject.revision)) return;
    await writeRef(repository, subject.revision, found.commit);
  }

  private unusableLayout({ subject, found }: Opened, problem: LayoutProblem): UlptError {
    const { message, expected, hint } = problem;
    const page = pageOf(this.settings.endpoint, subject.repository);
    if (found.cutOff && !found.listed) {
      return new UlptError(
        found.cutOff.code,
        `The cache does not have the rows, and the Hub is not asked. ${message}`,
        {
          where: this.settings.cache,
          expected,
          hint: found.cutOff.hint,
        },
      );
    }
    return new UlptError("HUB_NOT_FOUND", message, {
      where: `${page} at ${subject.revision}`,
      expected,
      hint,
    });
  }
}

/** Whether a snapshot has all that opening the model needs. The optional files may or may not exist: they are not asked about. */
async function isWholeModel(
  repository: CachedRepository,
  commit: string,
  files: readonly RemoteFile[],
): Promise<boolean> {
  const { index, lacking } = pickModelFiles(files);
  if (lacking.length > 0) return false;
  if (!index) return true;
  try {
    const names = shardNames(await readFile(pathInSnapshot(repository, commit, index.path), "utf8"), repository.name);
    return names.every((name) => files.some(({ path }) => path === name));
  } catch {
    return false;
  }
}

function splitWarnings({ config, splits }: ChosenSplits, id: string, found: Revision): string[] {
  return [...splits].flatMap(([split, files]) => [
    ...(files.partial
      ? [`The split "${split}" of ${id} (${config}) is only the first part of it: the Hub does not convert more.`]
      : []),
    ...(!found.listed && !shardCount(files)
      ? [
          `Whether the cache holds all files of the split "${split}" of ${id} (${config}) cannot be told without the Hub.`,
        ]
      : []),
  ]);
}
