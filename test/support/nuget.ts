/** @file A NuGet source on this machine, for tests: a real HTTP server with the parts of NuGet's API that an installation asks. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { packageId } from "../../src/cuda/source.ts";
import { sharedLibrary } from "./elf.ts";
import { zip } from "./zip.ts";

export interface NugetOptions {
  /** What is served as the package. */
  content: Buffer;
  /** Of which the catalog has the hash; the same unless given. */
  announced?: Buffer;
  version?: string;
  /** The first answer with the package ends after so many bytes. */
  cutAfter?: number;
  /** Changes what the catalog says. */
  entry?: Record<string, unknown>;
  /** Where the leaf says that the package is. */
  packageContent?: string;
}

export interface TestNuget {
  index: string;
  /** Paths and ranges that were asked for. */
  requests: { path: string; range: string | undefined }[];
  close(): Promise<void>;
}

const native = "runtimes/linux-x64/native/";

/** A package as NuGet has it, of libraries that hold nothing. */
export function providerPackage(
  version: string,
  options: { needs?: readonly string[]; extra?: [string, Buffer][]; without?: string } = {},
): Buffer {
  const { needs = [], extra = [], without } = options;
  const manifest = `<?xml version="1.0"?><package><metadata><id>${packageId}</id><version>${version}</version></metadata></package>`;
  const files: [string, Buffer][] = [
    [`${packageId}.nuspec`, Buffer.from(manifest)],
    [`${native}libonnxruntime.so`, Buffer.from("not wanted")],
    [`${native}libonnxruntime_providers_shared.so`, sharedLibrary({ name: "libonnxruntime_providers_shared.so" })],
    [`${native}libonnxruntime_providers_cuda.so`, sharedLibrary({ name: "libonnxruntime_providers_cuda.so", needs })],
  ];
  return zip([...files.filter(([name]) => without === undefined || !name.endsWith(without)), ...extra]);
}

export async function startNuget({
  content,
  announced = content,
  version = "1.30.0",
  cutAfter,
  entry = {},
  packageContent,
}: NugetOptions): Promise<TestNuget> {
  const requests: TestNuget["requests"] = [];
  let cut = cutAfter;
  const id = packageId.toLowerCase();
  const server = createServer((request, response) => {
    const { range } = request.headers;
    const path = request.url!;
    requests.push({ path, range });
    const json = (value: unknown): void => {
      response.setHeader("content-type", "application/json").end(JSON.stringify(value));
    };
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (path === "/v3/index.json")
      return json({ resources: [{ "@id": `${base}/registration/`, "@type": "RegistrationsBaseUrl/3.6.0" }] });
    if (path === `/registration/${id}/${version}.json`)
      return json({
        catalogEntry: `${base}/catalog`,
        packageContent: packageContent ?? `${base}/${id}.${version}.nupkg`,
      });
    if (path === "/catalog")
      return json({
        ...{ id: packageId, version, packageSize: announced.length, packageHashAlgorithm: "SHA512" },
        packageHash: createHash("sha512").update(announced).digest("base64"),
        ...entry,
      });
    if (!path.endsWith(".nupkg")) return void response.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const headers = { "content-length": content.length - from };
    if (from > 0)
      response.writeHead(206, { ...headers, "content-range": `bytes ${from}-${content.length - 1}/${content.length}` });
    else response.writeHead(200, headers);
    if (cut === undefined) return void response.end(content.subarray(from));
    response.write(content.subarray(from, cut), () => response.destroy());
    cut = undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    index: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3/index.json`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
