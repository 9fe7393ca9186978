/**
 * Serves a binding's Node end on a Unix socket of its own.
 *
 * workerd reaches it as `{ external: { address, http: {} } }`: half the time of a function as service binding, which
 * Miniflare routes through its own loopback server. A socket file, unlike a port, is closed to other users.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";

export interface SocketService {
  /** In workerd's spelling. */
  address: string;
  /** Call it after workerd has stopped. */
  close(): Promise<void>;
}

export async function serveOnSocket(handle: (request: Request) => Promise<Response>): Promise<SocketService> {
  // Not in the data folder: a socket's path may have only some hundred bytes.
  const folder = await mkdtemp(join(tmpdir(), "prism-socket-"));
  const path = join(folder, "s");
  const server = createServer(getRequestListener(handle));
  // workerd keeps idle connections and would meet a reset if Node closed them.
  server.keepAliveTimeout = 0;
  await once(server.listen(path), "listening");
  return {
    address: `unix:${path}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}
