import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { errorOf } from "../../test/support/errors.ts";
import { fetchFrom } from "./proxy.ts";

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  vi.unstubAllEnvs();
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A proxy that tunnels, with what it was asked for. */
async function startProxy(): Promise<{ port: number; asked: { target: string; authorization: string | undefined }[] }> {
  const asked: { target: string; authorization: string | undefined }[] = [];
  const server = createServer();
  server.on("connect", (request, client: Socket) => {
    asked.push({ target: request.url!, authorization: request.headers["proxy-authorization"] });
    const [host, port] = request.url!.split(":");
    const upstream = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on("error", () => {});
  });
  return { port: await listen(server), asked };
}

let site: number;
beforeEach(async () => {
  for (const name of ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"]) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toLowerCase(), undefined);
  }
  site = await listen(createServer((_request, response) => response.end("here")));
});

const ask = async () => (await fetchFrom(new URL(`http://127.0.0.1:${site}/file`), {})).text();

it("goes through the proxy of the environment, with the name and password that its address has", async () => {
  const proxy = await startProxy();
  vi.stubEnv("HTTP_PROXY", `http://me:secret@127.0.0.1:${proxy.port}`);
  expect(await ask()).toBe("here");
  const authorization = `Basic ${Buffer.from("me:secret").toString("base64")}`;
  expect(proxy.asked).toEqual([{ target: `127.0.0.1:${site}`, authorization }]);
});

it("takes an address without http://, as people give it", async () => {
  const proxy = await startProxy();
  vi.stubEnv("http_proxy", `127.0.0.1:${proxy.port}`);
  expect(await ask()).toBe("here");
  expect(proxy.asked).toHaveLength(1);
});

it("goes past the proxy to hosts that NO_PROXY names", async () => {
  const proxy = await startProxy();
  vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${proxy.port}`);
  vi.stubEnv("NO_PROXY", "localhost,127.0.0.1");
  expect(await ask()).toBe("here");
  expect(proxy.asked).toEqual([]);
});

it("refuses a proxy that is no web address, without repeating a password in it", async () => {
  vi.stubEnv("HTTP_PROXY", "ftp://me:secret@proxy.example.org");
  const error = await errorOf(ask);
  expect(error).toMatchObject({ code: "OPTION_INVALID", where: "HTTP_PROXY" });
  expect(JSON.stringify(error)).not.toContain("secret");
});
