/**
 * Serves the Node end of the Vectorize binding on a Unix socket of its own.
 *
 * workerd reaches it as `{ external: { address, http: {} } }`: half the time of a function as service binding, which
 * Miniflare routes through its own loopback server. A socket file, unlike a port, is closed to other users.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { handleVectorizeBinding } from "./binding-service.ts";
import type { VectorizeStore } from "./store.ts";

/** `address` is in workerd's spelling. Close it after workerd. */
export async function serveVectorizeBinding(
  store: VectorizeStore,
): Promise<{ address: string; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "prism-vectorize-"));
  const path = join(folder, "socket");
  const server = createServer(getRequestListener((request) => handleVectorizeBinding(store, request)));
  // workerd keeps idle connections and would meet a reset if Node closed them.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  return {
    address: `unix:${path}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}
