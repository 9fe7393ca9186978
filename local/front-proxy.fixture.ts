/** For tests of the front proxy: one on a free port, and upstreams on sockets of their own. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FrontProxy } from "./front-proxy.ts";

/** What a test leaves behind, to be undone after it. */
export const cleanups: (() => unknown)[] = [];

export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

export async function startProxy(random = () => 0): Promise<{ proxy: FrontProxy; url: string }> {
  const proxy = new FrontProxy(random);
  cleanups.push(() => proxy.close());
  return { proxy, url: `http://127.0.0.1:${await proxy.listen(0)}` };
}

/** Path of a socket that no test has used yet. */
export function newSocket(): string {
  const folder = mkdtempSync(join(tmpdir(), "proxy-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "s");
}

export async function startUpstream(
  serve: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): Promise<string> {
  const path = newSocket();
  const server: Server = createServer(serve).listen(path);
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return path;
}

export const to = (socket: string, percentage = 100, name = "prism--1") => ({ socket, percentage, name });
