/** The platform's second port: Cloudflare's REST API, R2's S3 API and the control of this platform. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";

interface ApiServer {
  port: number;
  close(): Promise<void>;
}

/** `rest` answers below `/client/v4` and `/local`; every other path is a bucket's. Port 0 picks a free one. */
export async function serveApis(
  port: number,
  rest: Hono,
  s3: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ApiServer> {
  const listener = getRequestListener(rest.fetch);
  const server = createServer((request, response) => {
    if (/^\/(client\/v4|local)(\/|$)/.test(request.url ?? "")) void listener(request, response);
    else s3(request, response);
  });
  // Node cuts requests after 5 minutes by default; an upload of 5 GiB may take longer.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
