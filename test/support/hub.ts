/**
 * @file A Hugging Face Hub on this machine, for tests: a real HTTP server with the Hub's endpoints, headers and redirects, a
 * second one in the part of its storage (another port, so another origin), failures on demand, and a log of all requests.
 *
 *     const hub = await startHub({ repositories: [{ type: "model", id: "org/tiny", files: { "config.json": "{}" } }] });
 *     hub.fail({ path: "model.safetensors", cutAfter: 1000 });       // once, unless `times` says otherwise
 *     await new Hub({ endpoint: hub.endpoint, cache, offline: false }).model("org/tiny");
 *     hub.requests.map(({ path }) => path);
 *     await hub.close();
 *
 * Files that end in .safetensors, .parquet or .bin are in LFS, as on the Hub, unless `lfs` says otherwise: the Hub redirects
 * to the storage for them. In a process of its own, give it HF_ENDPOINT=<endpoint> and HF_HUB_CACHE=<folder>.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Files = Readonly<Record<string, Buffer | string>>;

export interface TestRepository {
  type: "model" | "dataset";
  /** `name` or `organisation/name`. */
  id: string;
  /** Path → content, of the branch main. */
  files: Files;
  /** Other branches, e.g. `{ "refs/convert/parquet": { "default/train/0000.parquet": bytes } }`. */
  refs?: Readonly<Record<string, Files>>;
  lfs?: (path: string) => boolean;
  /** Only requests with one of these tokens get files; `true`: nobody does. What the repository has is public. */
  gated?: true | readonly string[];
  /** Requests without one of these tokens are told that there is no such repository; `true`: everybody is. */
  private?: true | readonly string[];
  /** Former ids, redirected to `id`. */
  formerly?: readonly string[];
}

/**
 * Files that look like a model's from outside: what the Hub client picks, with weights of so many bytes that differ from each
 * other. Nothing can be computed with it; test/support/tinyT5.ts makes models for that.
 */
export function hollowModel(bytes = 300_000): Record<string, Buffer | string> {
  return {
    "config.json": '{"model_type": "t5"}',
    "generation_config.json": "{}",
    "tokenizer.json": '{"version": "1.0"}',
    "model.safetensors": distinctBytes(bytes),
    "README.md": "A model for tests.",
  };
}

/** Always the same for the same arguments. */
export function distinctBytes(count: number, seed = 1): Buffer {
  return createHash("shake256", { outputLength: count }).update(String(seed)).digest();
}

export interface HubRequest {
  /** `hub`, or `storage` for the other origin. */
  at: "hub" | "storage";
  method: string;
  /** Without the query, decoded. */
  path: string;
  query: string;
  headers: IncomingMessage["headers"];
  /** Bytes of the body that were handed to the connection. */
  sent: number;
}

/** Which requests fail, and how. The first failure that fits a request is used up by it. */
export interface Failure {
  /** A part of the decoded path, or a pattern for it. */
  path?: string | RegExp;
  at?: "hub" | "storage";
  /** How many requests; 1 unless given. */
  times?: number;

  /** Answers with this status and, e.g., `{ "retry-after": "1" }` or `{ "x-error-code": "GatedRepo" }`. */
  status?: number;
  headers?: Record<string, string>;
  /** Answers with this, as JSON unless it is text. */
  answer?: unknown;

  // The following concern answers with content, not redirects.
  /** Closes the connection after so many bytes; those still on their way may be lost to the client. */
  cutAfter?: number;
  /** Sends so many bytes and then nothing until `release()` of what fail() returned. */
  stallAfter?: number;
  /** Sends a byte, and after so many milliseconds the next one. */
  drip?: number;
  /** Changes a byte: right size, wrong hash. */
  corrupt?: boolean;
  /** Sends this content instead of the file's. */
  content?: Buffer;
  /** Answers 200 with everything where a range was asked for. */
  ignoreRange?: boolean;
}

export interface OngoingFailure {
  /** Resolves when a request has met the failure; with stallAfter, when its bytes were sent. */
  met: Promise<void>;
  /** Lets stalled answers go on, those to come too. */
  release(): void;
}

export interface TestHub {
  /** For HF_ENDPOINT. */
  endpoint: string;
  /** Origin of the files in LFS. */
  storage: string;
  /** Oldest first; may be emptied. */
  requests: HubRequest[];
  fail(failure: Failure): OngoingFailure;
  /** The commit that a branch points to, "main" unless given. */
  commit(id: string, ref?: string): string;
  /** Makes a new commit with exactly these files and moves the branch to it. Returns the commit. */
  push(id: string, files: Files, ref?: string): string;
  close(): Promise<void>;
}

interface StoredFile {
  content: Buffer;
  oid: string;
  sha256: string | undefined;
}

type Commit = ReadonlyMap<string, StoredFile>;

interface Stored {
  options: TestRepository;
  commits: Map<string, Commit>;
  refs: Map<string, string>;
}

export async function startHub(options: {
  repositories: readonly TestRepository[];
  /** Entries on a page of the list of files. */
  pageSize?: number;
  /** If given, other tokens are refused as invalid. */
  tokens?: readonly string[];
}): Promise<TestHub> {
  const repositories = options.repositories.map(store);
  const requests: HubRequest[] = [];
  const failures: PendingFailure[] = [];
  let endpoint = "";
  let storage = "";

  const handler =
    (at: HubRequest["at"]) =>
    (incoming: IncomingMessage, response: ServerResponse): void => {
      const url = new URL(incoming.url ?? "/", "http://localhost");
      const { method = "GET", headers } = incoming;
      const path = decodeURIComponent(url.pathname);
      const request: HubRequest = { at, method, path, query: url.search, headers, sent: 0 };
      requests.push(request);
      const found = failures.find(({ failure, left }) => left > 0 && applies(failure, request));
      const asked = found && answerOf(found.failure);
      const answer = asked ?? (at === "hub" ? answerAsHub(request, url) : answerAsStorage(request));
      if (asked || "content" in answer) {
        if (found) found.left--;
        send(request, response, answer, found);
      } else {
        send(request, response, answer, undefined); // a failure of content waits for an answer with content
      }
    };

  function answerAsHub(request: HubRequest, url: URL): Answer {
    const place = locate(request.path, repositories);
    const token = request.headers.authorization?.replace(/^Bearer /, "");
    if (token !== undefined && options.tokens && !options.tokens.includes(token)) {
      return refusal(401, undefined, "Invalid credentials in Authorization header");
    }
    if (!place || (place.repository.options.private && !isAllowed(place.repository.options.private, token))) {
      // What the Hub does: without a token it does not say whether there is such a repository.
      if (token === undefined) return refusal(401, undefined, "Invalid username or password.");
      return refusal(404, "RepoNotFound", "Repository not found");
    }
    const { repository, action, rest } = place;
    if (place.former) {
      const location = url.pathname.replace(place.former, repository.options.id) + url.search;
      return { status: 307, headers: { location }, text: "" };
    }
    const name = [...repository.refs.keys(), ...repository.commits.keys()]
      .filter((revision) => rest === revision || rest.startsWith(`${revision}/`))
      .sort((a, b) => b.length - a.length)[0];
    if (name === undefined) return refusal(404, "RevisionNotFound", "Invalid rev id");
    const commitId = repository.refs.get(name) ?? name;
    const commit = repository.commits.get(commitId)!;
    const path = rest.slice(name.length + 1);
    if (action === "revision") return { status: 200, headers: json, text: JSON.stringify(info(repository, commitId)) };
    if (action === "tree") return tree(commit, path, url);

    const { gated } = repository.options;
    if (gated && !isAllowed(gated, token)) {
      return refusal(token === undefined ? 401 : 403, "GatedRepo", "Access to this repository is restricted");
    }
    const file = commit.get(path);
    if (!file) return refusal(404, "EntryNotFound", "Entry not found");
    const { content, oid, sha256 } = file;
    const headers = { "x-repo-commit": commitId, "accept-ranges": "bytes", etag: `"${sha256 ?? oid}"` };
    if (sha256 === undefined) return { headers, content };
    const linked = { "x-linked-etag": `"${sha256}"`, "x-linked-size": String(content.length) };
    const location = `${storage}/${sha256}/${encodeURIComponent(path)}?signature=secret-of-the-storage`;
    return { status: 302, headers: { ...headers, ...linked, location }, text: "" };
  }

  function answerAsStorage(request: HubRequest): Answer {
    const sha256 = request.path.split("/")[1];
    const file = repositories
      .flatMap(({ commits }) => [...commits.values()])
      .flatMap((commit) => [...commit.values()])
      .find((candidate) => candidate.sha256 === sha256);
    if (!file) return { status: 404, headers: {}, text: "" };
    return { headers: { etag: `"${sha256}"`, "accept-ranges": "bytes" }, content: file.content };
  }

  function tree(commit: Commit, folder: string, url: URL): Answer {
    const inside = [...commit].filter(([path]) => folder === "" || path.startsWith(`${folder}/`));
    const entries = inside.map(([path, { content, oid, sha256 }]) => ({
      type: "file",
      oid,
      size: content.length,
      path,
      ...(sha256 && { lfs: { oid: sha256, size: content.length, pointerSize: 130 }, xetHash: sha256 }),
    }));
    const folders = new Set(inside.map(([path]) => path.slice(0, Math.max(0, path.lastIndexOf("/")))).filter(Boolean));
    const all = [
      ...[...folders].map((path) => ({ type: "directory", oid: "0".repeat(40), size: 0, path })),
      ...entries,
    ];
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const end = start + (options.pageSize ?? 1000);
    const next = new URL(url.pathname + url.search, endpoint);
    next.searchParams.set("cursor", String(end));
    const link = end < all.length ? { link: `<${next.href}>; rel="next"` } : {};
    return { status: 200, headers: { ...json, ...link }, text: JSON.stringify(all.slice(start, end)) };
  }

  const servers = [createServer(handler("hub")), createServer(handler("storage"))];
  [endpoint, storage] = (await Promise.all(servers.map(listen))) as [string, string];

  return {
    endpoint,
    storage,
    requests,
    fail(failure) {
      let meet = (): void => {};
      let release = (): void => {};
      const met = new Promise<void>((resolve) => {
        meet = resolve;
      });
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      failures.push({ failure, left: failure.times ?? 1, meet, released });
      return { met, release };
    },
    commit(id, ref = "main") {
      const commit = find(id).refs.get(ref);
      if (!commit) throw new Error(`The test hub's ${id} has no ${ref}.`);
      return commit;
    },
    push(id, files, ref = "main") {
      const repository = find(id);
      const commit = storeCommit(repository, files);
      repository.refs.set(ref, commit);
      return commit;
    },
    async close() {
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };

  function find(id: string): Stored {
    const repository = repositories.find((candidate) => candidate.options.id === id);
    if (!repository) throw new Error(`The test hub has no ${id}.`);
    return repository;
  }
}

interface PendingFailure {
  failure: Failure;
  left: number;
  meet: () => void;
  released: Promise<void>;
}

/** Something short, or a file, of which a part may be asked for. */
type Answer =
  | { status: number; headers: Record<string, string>; text: string }
  | { headers: Record<string, string>; content: Buffer };

const json = { "content-type": "application/json; charset=utf-8" };

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

function applies({ path, at }: Failure, request: HubRequest): boolean {
  if (at && at !== request.at) return false;
  return path === undefined || (typeof path === "string" ? request.path.includes(path) : path.test(request.path));
}

function isAllowed(tokens: true | readonly string[], token: string | undefined): boolean {
  return tokens !== true && token !== undefined && tokens.includes(token);
}

function store(options: TestRepository): Stored {
  const repository: Stored = { options, commits: new Map(), refs: new Map() };
  for (const [ref, files] of Object.entries({ main: options.files, ...options.refs })) {
    repository.refs.set(ref, storeCommit(repository, files));
  }
  return repository;
}

function storeCommit(repository: Stored, files: Files): string {
  const isLfs = repository.options.lfs ?? ((path: string) => /\.(safetensors|parquet|bin)$/.test(path));
  const commit = new Map<string, StoredFile>();
  for (const [path, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    const sha256 = isLfs(path) ? createHash("sha256").update(content).digest("hex") : undefined;
    // For a file in LFS, git knows the hash of the pointer; any will do here.
    const oid = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
    commit.set(path, { content, oid, sha256 });
  }
  const facts = [repository.commits.size, ...[...commit].map(([path, { oid }]) => `${path} ${oid}`)].join("\n");
  const id = createHash("sha1").update(repository.options.id).update(facts).digest("hex");
  repository.commits.set(id, commit);
  return id;
}

function info({ options }: Stored, sha: string): unknown {
  const { id, gated } = options;
  return {
    _id: "0123456789abcdef01234567",
    id,
    sha,
    private: options.private !== undefined,
    gated: gated ? "manual" : false,
    downloads: 0,
    likes: 0,
    lastModified: "2024-01-01T00:00:00.000Z",
  };
}

interface Place {
  repository: Stored;
  action: "revision" | "tree" | "resolve";
  /** What follows: the revision and perhaps a path. */
  rest: string;
  former: string | undefined;
}

/** `/api/models/{id}/revision/…`, `/api/models/{id}/tree/…`, `/{id}/resolve/…`, and the same for datasets. */
function locate(path: string, repositories: readonly Stored[]): Place | undefined {
  for (const repository of repositories) {
    const { type, id, formerly = [] } = repository.options;
    for (const name of [id, ...formerly]) {
      const starts = {
        revision: `/api/${type}s/${name}/revision/`,
        tree: `/api/${type}s/${name}/tree/`,
        resolve: `${type === "dataset" ? "/datasets" : ""}/${name}/resolve/`,
      };
      for (const [action, start] of Object.entries(starts) as [Place["action"], string][]) {
        if (!path.startsWith(start)) continue;
        return { repository, action, rest: path.slice(start.length), former: name === id ? undefined : name };
      }
    }
  }
  return undefined;
}

function refusal(status: number, code: string | undefined, message: string): Answer {
  const headers = { ...json, "x-error-message": message, ...(code && { "x-error-code": code }) };
  return { status, headers, text: JSON.stringify({ error: message }) };
}

/** For failures that are answers of their own. */
function answerOf({ status, headers, answer }: Failure): Answer | undefined {
  if (status === undefined && answer === undefined) return undefined;
  const text = typeof answer === "string" ? answer : JSON.stringify(answer ?? { error: "as the test asked" });
  return { status: status ?? 200, headers: { ...json, ...headers }, text };
}

function send(
  request: HubRequest,
  response: ServerResponse,
  answer: Answer,
  pending: PendingFailure | undefined,
): void {
  const write = (bytes: Buffer, sent?: () => void): void => {
    request.sent += bytes.length;
    response.write(bytes, sent);
  };
  const dripAll = (bytes: Buffer, interval: number): void => {
    let next = 0;
    const timer = setInterval(() => {
      if (next < bytes.length) write(bytes.subarray(next, ++next));
      else response.end();
    }, interval);
    response.once("close", () => clearInterval(timer));
    pending?.meet();
  };
  const head = request.method === "HEAD";
  if ("text" in answer) {
    response.writeHead(answer.status, { ...answer.headers, "content-length": Buffer.byteLength(answer.text) });
    if (pending?.failure.drip !== undefined) {
      dripAll(Buffer.from(answer.text), pending.failure.drip);
      return;
    }
    if (!head) write(Buffer.from(answer.text));
    response.end();
    pending?.meet();
    return;
  }

  const { cutAfter, stallAfter, drip, corrupt, ignoreRange, content = answer.content } = pending?.failure ?? {};
  const whole = corrupt ? Buffer.from(content.map((byte, i) => (i === 0 ? byte ^ 0xff : byte))) : content;
  const range = ignoreRange ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const start = Number(range?.[1] ?? 0);
  if (range && start >= whole.length) {
    response.writeHead(416, { "content-range": `bytes */${whole.length}`, "content-length": 0 }).end();
    pending?.meet();
    return;
  }
  const body = whole.subarray(start);
  response.writeHead(range ? 206 : 200, {
    ...answer.headers,
    "content-type": "application/octet-stream",
    "content-length": body.length,
    ...(range && { "content-range": `bytes ${start}-${whole.length - 1}/${whole.length}` }),
  });
  if (head) response.end();
  else if (cutAfter !== undefined) {
    write(body.subarray(0, cutAfter), () => {
      response.socket?.destroySoon(); // after what was written, where destroy() may overtake it
      pending?.meet();
    });
  } else if (drip !== undefined) {
    dripAll(body, drip);
  } else if (stallAfter !== undefined && pending) {
    response.flushHeaders(); // they do not wait for the first byte, of which there may be none
    write(body.subarray(0, stallAfter), () => pending.meet());
    void pending.released.then(() => {
      write(body.subarray(stallAfter));
      response.end();
    });
  } else {
    write(body);
    response.end();
    pending?.meet();
  }
}
