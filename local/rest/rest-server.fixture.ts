/**
 * A small engine over miniflare for the tests of this folder: real D1, KV, R2 and code in workerd, no front proxy.
 * `startRest` puts the REST API over it on a free port and hands out the unmodified SDK, pointed there.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Queue, R2Bucket } from "@cloudflare/workers-types";
import { getRequestListener } from "@hono/node-server";
import Cloudflare from "cloudflare";
import { Hono } from "hono";
import { convertV4MiniflareOptions, Miniflare, type MiniflareOptions } from "miniflare";
import { AiService } from "../ai/service.ts";
import type { Engine } from "../engine.ts";
import { Registry } from "../registry.ts";
import { AnalyticsPoints } from "../telemetry/analytics-points.ts";
import { LogStore } from "../telemetry/log-store.ts";
import { TailSessions } from "../telemetry/tail-sessions.ts";
import { serveTails } from "../telemetry/tail-socket.ts";
import { TimeTravel } from "../time-travel.ts";
import { vectorizeRest } from "../vectorize/rest.ts";
import { VectorizeStore } from "../vectorize/store.ts";
import { issuedTokens } from "./account-tokens.ts";
import { restApi } from "./api.ts";
import type { ApiToken } from "./credentials.ts";
import { D1_GATEWAY_FLAG, type D1Query, type QueryD1, queryThroughGateway } from "./d1-gateway.ts";
import { gatewayKv, type KvGateway } from "./kv-gateway.ts";
import { handleQueueBinding } from "./queue-binding.ts";
import { type Deliver, QueueBroker } from "./queue-broker.ts";
import { QueueStore } from "./queue-store.ts";

const GATEWAY = readFileSync(join(import.meta.dirname, "d1-gateway-worker.js"), "utf8");
const KV_GATEWAY = readFileSync(join(import.meta.dirname, "kv-gateway-worker.js"), "utf8");
const QUEUES = readFileSync(join(import.meta.dirname, "queue-binding-worker.js"), "utf8");

class TestEngine implements Engine {
  readonly account_id = randomBytes(16).toString("hex");
  readonly registry = new Registry(":memory:");
  readonly dir = mkdtempSync(join(tmpdir(), "prism-rest-"));
  /** Moves the platform's clock. */
  clock_offset_ms = 0;
  readonly queues: QueueBroker;
  #miniflare: Miniflare;
  #bound = "";

  constructor() {
    const store = new QueueStore(":memory:");
    const now = () => this.now();
    this.queues = new QueueBroker({ registry: this.registry, store, deliver: this.#deliver, now });
    this.#miniflare = new Miniflare(this.#options());
  }

  readonly #deliver: Deliver = async (script, queueName, messages) => {
    const worker = await this.#miniflare.getWorker(script);
    return worker.queue(queueName, messages as Parameters<typeof worker.queue>[1]);
  };
  now(): number {
    return Date.now() + this.clock_offset_ms;
  }
  queryD1: QueryD1 = async (id: string, queries: readonly D1Query[]) => {
    await this.#bind();
    const gateway = await this.#miniflare.getWorker("gateway");
    return queryThroughGateway((url, init) => gateway.fetch(url, init), `d1:${id}`, queries);
  };
  async kv(id: string): Promise<KvGateway> {
    await this.#bind();
    const gateway = await this.#miniflare.getWorker("kv-gateway");
    return gatewayKv((url, init) => gateway.fetch(url, init), `kv:${id}`);
  }
  async r2(name: string): Promise<R2Bucket> {
    await this.#bind();
    return (await this.#miniflare.getR2Bucket(`r2:${name}`, "gateway")) as unknown as R2Bucket;
  }
  queue(): Promise<Queue> {
    throw new Error("no queues in this engine");
  }
  d1File(id: string): string {
    const namespace = "miniflare-D1DatabaseObject";
    const key = createHash("sha256").update(namespace).digest();
    const name = createHmac("sha256", key).update(id).digest().subarray(0, 16);
    const check = createHmac("sha256", key).update(name).digest().subarray(0, 16);
    return join(this.dir, "d1", namespace, `${Buffer.concat([name, check]).toString("hex")}.sqlite`);
  }
  async dropData(): Promise<void> {}
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    await this.#miniflare.dispose();
    try {
      return await work();
    } finally {
      this.#miniflare = new Miniflare(this.#options());
      await this.#miniflare.ready;
    }
  }
  async reload(): Promise<void> {
    try {
      await this.#miniflare.setOptions(this.#options());
    } catch (error) {
      await this.#miniflare.dispose();
      this.#miniflare = new Miniflare(this.#options(false));
      await this.#miniflare.ready;
      throw error;
    }
  }
  async triggerSchedule(): Promise<void> {}
  async close(): Promise<void> {
    await this.queues.close();
    await this.#miniflare.dispose();
    this.registry.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
  /** What a script's live version answers. */
  async ask(script: string, path = ""): Promise<string> {
    const worker = await this.#miniflare.getWorker(script);
    return (await worker.fetch(`http://worker/${path}`)).text();
  }

  async #bind(): Promise<void> {
    if (this.#bound !== this.#resources()) await this.reload();
    this.#bound = this.#resources();
  }
  #resources(): string {
    return JSON.stringify(
      [this.registry.list("d1"), this.registry.list("kv"), this.registry.list("r2")].map((all) => all.length),
    );
  }
  #options(withScripts = true): MiniflareOptions {
    const { registry } = this;
    const live = registry.list("script").flatMap(({ id }) => {
      const deployment = registry.list("deployment").findLast(({ script_name }) => script_name === id);
      return registry.get("version", deployment?.versions[0]?.version_id ?? "") ?? [];
    });
    return convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      host: "127.0.0.1",
      port: 0,
      resourcePersistencePath: this.dir,
      workers: [
        {
          name: "gateway",
          modules: [{ type: "ESModule", path: "gateway.js", contents: GATEWAY }],
          compatibilityDate: "2026-11-01",
          compatibilityFlags: [D1_GATEWAY_FLAG],
          d1Databases: Object.fromEntries(registry.list("d1").map(({ uuid }) => [`d1:${uuid}`, uuid])),
          r2Buckets: Object.fromEntries(registry.list("r2").map(({ name }) => [`r2:${name}`, name])),
        },
        {
          name: "kv-gateway",
          modules: [{ type: "ESModule", path: "kv.js", contents: KV_GATEWAY }],
          compatibilityDate: "2026-11-01",
          kvNamespaces: Object.fromEntries(registry.list("kv").map(({ id }) => [`kv:${id}`, id])),
        },
        {
          name: "queues",
          modules: [{ type: "ESModule", path: "queues.js", contents: QUEUES }],
          compatibilityDate: "2026-11-01",
          serviceBindings: { NODE: (request: Request) => handleQueueBinding(this.queues, request) },
        },
        ...(withScripts ? live : []).map(({ script_name, modules, main_module, compatibility_date, bindings }) => ({
          name: script_name,
          modules: [{ type: "ESModule" as const, path: main_module, contents: modules[main_module]?.content ?? "" }],
          compatibilityDate: compatibility_date,
          bindings: Object.fromEntries(bindings.flatMap((one) => ("text" in one ? [[one.name, one.text]] : []))),
          serviceBindings: Object.fromEntries(
            bindings.flatMap((one) =>
              one.type === "queue"
                ? [[one.name, { name: "queues", entrypoint: "QueueBinding", props: { queue_name: one.queue_name } }]]
                : [],
            ),
          ),
        })),
      ],
    });
  }
}

export interface RestUnderTest {
  engine: TestEngine;
  logs: LogStore;
  tails: TailSessions;
  points: AnalyticsPoints;
  timeTravel: TimeTravel;
  account_id: string;
  /** `http://127.0.0.1:…/client/v4` */
  url: string;
  client: Cloudflare;
  /** Every route, its path below `/client/v4`. */
  routes: { method: string; path: string }[];
  /** A raw call with the first token, for what the SDK would not send. `path` is below the account. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; body: Envelope }>;
  close(): Promise<void>;
}
export interface Envelope {
  success: boolean;
  errors: { code: number; message: string }[];
  messages: unknown[];
  // biome-ignore lint/suspicious/noExplicitAny: tests read into every shape the API has
  result: any;
  result_info?: Record<string, unknown>;
}

export async function startRest(
  options: { budget?: boolean | number; tokens?: ApiToken[]; plan?: "free" | "paid" } = {},
): Promise<RestUnderTest> {
  const { budget = false, tokens = [{ id: "0".repeat(32), value: "test-token" }], plan = "free" } = options;
  const engine = new TestEngine();
  const timeTravel = new TimeTravel({ engine, dir: join(engine.dir, "time-travel") });
  const logs = new LogStore(":memory:", { account_id: engine.account_id, now: () => engine.now(), plan });
  const tails = new TailSessions(() => engine.now(), Math.random);
  const points = new AnalyticsPoints(":memory:", () => engine.now());
  const vectors = new VectorizeStore(":memory:", { now: () => engine.now() });
  const api = restApi({
    ai: new AiService(null),
    engine,
    vectorize: vectorizeRest(vectors),
    tokens: () => [...tokens, ...issuedTokens(engine, engine.now())],
    timeTravel,
    queues: engine.queues,
    logs,
    tails,
    points,
    budget,
    plan,
  });
  const server = createServer(getRequestListener(new Hono().route("/client/v4", api).fetch));
  serveTails(server, tails);
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
  const url = `http://127.0.0.1:${port}/client/v4`;
  const { account_id } = engine;
  return {
    engine,
    logs,
    tails,
    points,
    timeTravel,
    account_id,
    url,
    routes: api.routes.filter(({ method }) => method !== "ALL"),
    client: new Cloudflare({ apiToken: tokens[0]?.value ?? "", baseURL: url, maxRetries: 0 }),
    async call(method, path, body, headers = {}) {
      const response = await fetch(`${url}/accounts/${account_id}${path}`, {
        method,
        headers: { Authorization: `Bearer ${tokens[0]?.value}`, "Content-Type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return { status: response.status, headers: response.headers, body: (await response.json()) as Envelope };
    },
    async close() {
      tails.close();
      server.closeAllConnections();
      server.close();
      await timeTravel.close();
      logs.close();
      points.close();
      await vectors.close();
      await engine.close();
    },
  };
}
