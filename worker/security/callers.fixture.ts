/**
 * For tests of what stands before the routes: an ephemeral platform, called from addresses of the test's choice, with
 * raw and unannounced bodies, its log lines, and D1 past the Worker.
 */
import { Agent, request } from "node:http";
import { type Platform, type PlatformOptions, startPlatform } from "../../local/platform.ts";

interface Call {
  /** Sent as `Authorization: Bearer`; without it the call is anonymous. */
  key?: string;
  headers?: Record<string, string>;
  /** Bytes and text are sent as they are, anything else as JSON. */
  body?: unknown;
  /** Loopback address the call comes from: limits per address are shared by all tests of a file. */
  from?: string;
  /** Send without `Content-Length`. */
  chunked?: boolean;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body parsed as JSON; throws when it is none. */
  json: Record<string, unknown>;
}

export interface Service {
  platform: Platform;
  /** Log lines of the Worker so far. */
  logs: string[];
  call(method: string, path: string, options?: Call): Promise<Answer>;
  /** A new key of the wanted kind (tenant `default`, every scope, tier `high` unless said otherwise). */
  newKey(wanted?: Record<string, unknown>): Promise<{ id: string; key: string }>;
  /** Runs a statement in D1 past the Worker (through Cloudflare's REST API), as another isolate's write would be. */
  sql(statement: string, ...params: (string | number)[]): Promise<Record<string, unknown>[]>;
  /** Puts an address or a network on the blocklist. */
  block(address: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts a platform that is gone, with its data, after `close`. */
export async function startService(options: PlatformOptions = {}): Promise<Service> {
  const logs: string[] = [];
  const platform = await startPlatform({ api_budget: false, ...options, on_log: (line) => logs.push(line) });
  const agents = new Map<string, Agent>();
  const call = (method: string, path: string, wanted: Call = {}) => {
    const from = wanted.from ?? "127.0.0.1";
    const agent = agents.get(from) ?? new Agent({ keepAlive: true, localAddress: from });
    agents.set(from, agent);
    return send(agent, method, new URL(path, platform.url), wanted);
  };
  const newKey = async (wanted: Record<string, unknown> = {}) => {
    const scopes = ["read", "chat", "write", "metrics", "ops", "admin", "debug"];
    const body = { name: "test", tenant: "default", scopes, rate_tier: "high", ...wanted };
    const { status, json, text } = await call("POST", "/api/v1/keys", { key: platform.api_secret, body });
    if (status !== 201) throw new Error(`Expected a new key, got ${status}: ${text}`);
    return { id: String(json.id), key: String(json.key) };
  };
  const { runtime, api_token } = platform;
  const account = `${platform.api_url}/accounts/${platform.account_id}`;
  const authorization = `Bearer ${api_token}`;
  const sql = async (statement: string, ...params: (string | number)[]) => {
    const response = await fetch(`${account}/d1/database/${runtime.registry.list("d1")[0]?.uuid}/query`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ sql: statement, params }),
    });
    const answer = (await response.json()) as { success: boolean; result: { results: Record<string, unknown>[] }[] };
    if (!answer.success) throw new Error(`D1 refused the statement: ${JSON.stringify(answer)}`);
    return answer.result[0]?.results ?? [];
  };
  const block = async (address: string) => {
    const { status, text } = await call("PUT", `/api/v1/blocklist/${encodeURIComponent(address)}`, {
      key: platform.api_secret,
      body: { reason: "test" },
    });
    if (status !== 200) throw new Error(`Not blocked: ${text}`);
  };
  const close = async () => {
    for (const agent of agents.values()) agent.destroy();
    await platform.close();
  };
  return { platform, logs, call, newKey, sql, block, close };
}

function send(agent: Agent, method: string, url: URL, wanted: Call): Promise<Answer> {
  const { key, headers, body, chunked } = wanted;
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const bytes = body === undefined ? null : Buffer.from(isRaw ? body : JSON.stringify(body));
  const sent: Record<string, string> = {
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(bytes === null || chunked ? {} : { "content-length": String(bytes.length) }),
    ...(isRaw || bytes === null ? {} : { "content-type": "application/json" }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(url.href, { method, agent, headers: sent }, (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on("data", (piece: Buffer) => pieces.push(piece));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const text = Buffer.concat(pieces).toString("utf8");
        resolve({
          status: incoming.statusCode ?? 0,
          headers: new Headers(
            Object.entries(incoming.headersDistinct).map(([name, all]) => [name, all?.join(", ") ?? ""]),
          ),
          text,
          get json() {
            return JSON.parse(text);
          },
        });
      });
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      // The server may close an idle connection just when it is used again: https://nodejs.org/api/http.html#requestreusedsocket
      if (outgoing.reusedSocket && error.code === "ECONNRESET") resolve(send(agent, method, url, wanted));
      else reject(error);
    });
    outgoing.end(bytes ?? undefined);
  });
}
