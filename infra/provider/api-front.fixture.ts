/**
 * Cloudflare's API as it is on a bad day, for tests: passes every request on to the local platform, except those that a
 * rule answers itself, loses on the way back, or never answers.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface FrontRule {
  method: string;
  /** Found in the path. */
  path: string;
  /** How often it strikes; always without it. */
  times?: number;
  /** `lose` lets the platform do the work and cuts the connection instead of answering. */
  answer: "lose" | { status: number; headers?: Record<string, string>; code: number; message: string };
}

export interface ApiFront {
  url: string;
  rules: FrontRule[];
  /** `METHOD /path below the account` of every request, in order. */
  seen: string[];
  close(): void;
}

export async function startFront(apiUrl: string): Promise<ApiFront> {
  const front: ApiFront = { url: "", rules: [], seen: [], close: () => {} };
  const server = createServer(async (request, response) => {
    const { method = "", url = "" } = request;
    const path = url.replace(/^\/accounts\/[^/]+/, "");
    front.seen.push(`${method} ${path}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const rule = front.rules.find(
      (one) => one.method === method && path.includes(one.path) && (one.times ?? Number.POSITIVE_INFINITY) > 0,
    );
    if (rule?.times !== undefined) rule.times--;
    if (rule && rule.answer !== "lose") {
      const { status, headers, code, message } = rule.answer;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify({ success: false, errors: [{ code, message }], messages: [], result: null }));
      return;
    }
    const { authorization = "", "content-type": type = "application/json" } = request.headers;
    const passed = await fetch(`${apiUrl}${url}`, {
      method,
      headers: { authorization, "content-type": type },
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    const body = await passed.text();
    if (rule) {
      request.socket.destroy();
      return;
    }
    response.writeHead(passed.status, { "content-type": "application/json" });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  front.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return front;
}
