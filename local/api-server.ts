/** The platform's second port: Cloudflare's REST API, R2's S3 API and the control of this platform. */
import { once } from "node:events";
import { statfsSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { DISK_FREE_BYTES_MIN } from "./limits.ts";
import { xmlError } from "./s3/xml.ts";
import type { TailSessions } from "./telemetry/tail-sessions.ts";
import { serveTails } from "./telemetry/tail-socket.ts";

interface ApiServer {
  port: number;
  close(): Promise<void>;
}

interface Disk {
  /** The data folder. */
  folder: string;
  /** What is left for it. */
  free_bytes(): number;
}

export function diskOf(folder: string): Disk {
  return {
    folder,
    free_bytes: () => {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    },
  };
}

/**
 * `rest` answers below `/client/v4` and `/local`, where websockets are live tails; every other path is a bucket's. Port 0 picks a free one. While the disk is full nothing
 * is begun that may write: workerd would leave it without an answer, or with one that does not say why.
 */
export async function serveApis(
  port: number,
  rest: Hono,
  s3: (request: IncomingMessage, response: ServerResponse) => void,
  tails: TailSessions,
  disk: Disk,
): Promise<ApiServer> {
  const listener = getRequestListener(rest.fetch);
  const server = createServer((request, response) => {
    const [, face] = /^\/(client\/v4|local)(?:\/|$)/.exec(request.url ?? "") ?? [];
    const mayWrite = WRITING.has(request.method ?? "") && face !== "local";
    const free_bytes = mayWrite ? disk.free_bytes() : Number.POSITIVE_INFINITY;
    if (free_bytes < DISK_FREE_BYTES_MIN)
      refuseForSpace(response, face !== undefined, `the disk of ${disk.folder} is full: ${free_bytes} bytes are left`);
    else if (face !== undefined) void listener(request, response);
    else s3(request, response);
  });
  serveTails(server, tails);
  // Node cuts requests after 5 minutes by default; an upload of 5 GiB may take longer.
  server.requestTimeout = 0;
  // Whoever asks ends idle connections: closed from here, one could be taken up in that moment.
  server.keepAliveTimeout = 0;
  await once(server.listen(port, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A deletion may be what gives space back. */
const WRITING: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

function refuseForSpace(response: ServerResponse, is_rest: boolean, message: string): void {
  const envelope = { success: false, errors: [{ code: 10000, message }], messages: [], result: null };
  response.writeHead(507, { "content-type": is_rest ? "application/json" : "application/xml", connection: "close" });
  response.end(is_rest ? JSON.stringify(envelope) : xmlError({ Code: "InsufficientStorage", Message: message }));
}
