/** For tests: a whole ephemeral platform, and calls to it as some key's holder, whose JSON is held against `/openapi.json`. */
import { SERVICE } from "../infra/inventory.ts";
import { type Platform, type PlatformOptions, startPlatform } from "../local/platform.ts";
import { liveVersion } from "../local/workerd.ts";
import { DeclaredAnswers } from "./declared-answers.fixture.ts";

export interface Answer {
  status: number;
  headers: Headers;
  // The body is whatever the route answers: each test states what it expects of it.
  // biome-ignore lint/suspicious/noExplicitAny: tests index into JSON whose shape is what they check.
  json: any;
  text: string;
}

export interface Service {
  platform: Platform;
  /** Calls as the holder of `key`; the admin key without one, nobody for null. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  /** Asks Cloudflare's API of the platform, below its account. @throws Error with what the API refused. */
  account(method: string, path: string, body: unknown): Promise<{ id: string }>;
  /** A new key's text. */
  key(settings: { tenant?: string; scopes: string[]; daily_quota?: number; rate_tier?: string }): Promise<string>;
  /** Waits until a job has ended. */
  job(id: string): Promise<Answer["json"]>;
  close(): Promise<void>;
}

interface CallOptions {
  key?: string | null;
  headers?: Record<string, string>;
}

export async function startService(options: PlatformOptions = {}): Promise<Service> {
  const platform = await startPlatform({ api_budget: false, ...options });
  const declared = await declaredBy(platform);
  const call: Service["call"] = async (method, path, body, { key = platform.admin_key, headers = {} } = {}) => {
    const response = await fetch(`${platform.url}${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const type = response.headers.get("content-type") ?? "";
    const json = /json/.test(type) ? JSON.parse(text) : undefined;
    if (json !== undefined) declared?.check(method, path, response.status, type, json);
    return { status: response.status, headers: response.headers, text, json };
  };
  return {
    platform,
    call,
    async account(method, path, body) {
      const { api_url, account_id, api_token } = platform;
      const response = await fetch(`${api_url}/accounts/${account_id}/${path}`, {
        method,
        headers: { authorization: `Bearer ${api_token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      const { result, errors } = (await response.json()) as { result: { id: string }; errors: unknown };
      if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(errors)}`);
      return result;
    },
    async key(settings) {
      const body = { name: "test", tenant: "default", rate_tier: "high", ...settings };
      const { status, json, text } = await call("POST", "/api/v1/keys", body, { key: platform.api_secret });
      if (status !== 201) throw new Error(`no key: ${text}`);
      return json.key;
    },
    async job(id) {
      for (;;) {
        const { json } = await call("GET", `/api/v1/jobs/${id}`);
        if (json.state !== "queued" && json.state !== "running") return json;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    close: () => platform.close(),
  };
}

let described: { code: string; answers: DeclaredAnswers } | null = null;

/** What the service's bundle declares, read once for all platforms that run the same. Null where no service is deployed. */
async function declaredBy({ url, runtime }: Platform): Promise<DeclaredAnswers | null> {
  const live = liveVersion(runtime.registry, SERVICE);
  const code = live?.modules[live.main_module]?.content;
  if (code === undefined) return null;
  if (described?.code === code) return described.answers;
  const description = await fetch(`${url}/openapi.json`);
  // Another Worker may have been deployed.
  if (!description.ok) return null;
  described = { code, answers: new DeclaredAnswers(await description.json()) };
  return described.answers;
}

/** The events of a `text/event-stream` body, in order. */
export function eventsOf(text: string): { event: string; data: Answer["json"] }[] {
  return text
    .split("\n\n")
    .filter((block) => block.trim() !== "")
    .map((block) => ({
      event: /^event: (.*)$/m.exec(block)?.[1] ?? "",
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "null"),
    }));
}
