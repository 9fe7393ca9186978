/**
 * A small engine over miniflare for the tests of this folder: real D1, KV, R2 and code in workerd, no front proxy.
 * `startRest` puts the REST API over it on a free port and hands out the unmodified SDK, pointed there.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { R2Bucket } from "@cloudflare/workers-types";
import { getRequestListener } from "@hono/node-server";
import Cloudflare from "cloudflare";
import { Hono } from "hono";
import { convertV4MiniflareOptions, Miniflare, type MiniflareOptions, type V4WorkerOptions } from "miniflare";
import { AiService } from "../ai/service.ts";
import type { Engine } from "../engine.ts";
import { queueEvent, sendEvent } from "../events.ts";
import { Registry } from "../registry.ts";
import { directGateway, type GatewayFetch, gatewayBucket } from "../s3/gateway-bucket.ts";
import { type SocketService, serveOnSocket } from "../socket-service.ts";
import { isPortTaken } from "../start-miniflare.ts";
import { AnalyticsPoints } from "../telemetry/analytics-points.ts";
import { LogStore } from "../telemetry/log-store.ts";
import { TailSessions } from "../telemetry/tail-sessions.ts";
import { serveTails } from "../telemetry/tail-socket.ts";
import { TimeTravel } from "../time-travel.ts";
import { vectorizeRest } from "../vectorize/rest.ts";
import { VectorizeStore } from "../vectorize/store.ts";
import { hiddenName, PLATFORM_WORKER, workerName } from "../worker-bindings.ts";
import { d1FilePath, type Gateway, liveVersion, platformWorker } from "../workerd.ts";
import { issuedTokens } from "./account-tokens.ts";
import { restApi } from "./api.ts";
import type { ApiToken } from "./credentials.ts";
import { type D1Query, type QueryD1, queryThroughGateway } from "./d1-gateway.ts";
import { gatewayKv, type KvGateway } from "./kv-gateway.ts";
import { handleQueueBinding } from "./queue-binding.ts";
import { type Deliver, type DeliveryResult, QueueBroker } from "./queue-broker.ts";
import { QueueStore } from "./queue-store.ts";

const inputs = { gateway_secret: "gateway", bucket_secret: "bucket" };

class TestEngine implements Engine {
  readonly account_id = randomBytes(16).toString("hex");
  readonly registry = new Registry(":memory:");
  readonly dir = mkdtempSync(join(tmpdir(), "prism-rest-"));
  /** Moves the platform's clock. */
  clock_offset_ms = 0;
  readonly queues: QueueBroker;
  readonly #node: SocketService;
  /** From its first use on: until then nothing has to be loaded anew for what is made. */
  #started: Miniflare | null = null;
  #bound = "";

  private constructor(node: SocketService, queues: (engine: TestEngine) => QueueBroker) {
    this.#node = node;
    this.queues = queues(this);
  }

  get #miniflare(): Miniflare {
    this.#started ??= this.#start();
    return this.#started;
  }
  #start(withScripts = true): Miniflare {
    this.#bound = this.#resources();
    return new Miniflare(this.#options(withScripts));
  }

  static async start(): Promise<TestEngine> {
    const store = new QueueStore(":memory:");
    const node = await serveOnSocket((request) => handleQueueBinding(engine.queues, request));
    const engine: TestEngine = new TestEngine(node, (self) => {
      const now = () => self.now();
      return new QueueBroker({ registry: self.registry, store, deliver: self.#deliver, now });
    });
    return engine;
  }

  readonly #deliver: Deliver = async (script, queueName, messages) => {
    const origin = await this.#address("events");
    return (await sendEvent(origin, inputs.gateway_secret, script, queueEvent(queueName, messages))) as DeliveryResult;
  };
  now(): number {
    return Date.now() + this.clock_offset_ms;
  }
  queryD1: QueryD1 = async (id: string, queries: readonly D1Query[]) => {
    await this.#bind();
    return queryThroughGateway(await this.#gateway("d1"), `d1:${id}`, queries);
  };
  async kv(id: string): Promise<KvGateway> {
    await this.#bind();
    return gatewayKv(await this.#gateway("kv"), `kv:${id}`);
  }
  async r2(name: string): Promise<R2Bucket> {
    await this.#bind();
    return gatewayBucket(await this.#gateway("r2"), `r2:${name}`);
  }
  d1File(id: string): string {
    return d1FilePath(this.dir, id);
  }
  async dropData(): Promise<void> {}
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    await this.#started?.dispose();
    return await work().finally(() => this.#startAnew());
  }
  async reload(): Promise<void> {
    try {
      if (this.#started === null) await this.#miniflare.ready;
      else {
        this.#bound = this.#resources();
        await this.#started.setOptions(this.#options()).catch((error: unknown) => {
          if (isPortTaken(error)) return this.#startAnew();
          throw error;
        });
      }
    } catch (error) {
      await this.#startAnew(false);
      throw error;
    }
  }
  async #startAnew(withScripts = true): Promise<void> {
    await this.#started?.dispose().catch(() => {});
    this.#started = this.#start(withScripts);
    await this.#started.ready;
  }
  async triggerSchedule(): Promise<void> {}
  async close(): Promise<void> {
    await this.queues.close();
    await this.#started?.dispose();
    await this.#node.close();
    this.registry.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
  /** What a script's live version answers. */
  async ask(script: string, path = ""): Promise<string> {
    const live = liveVersion(this.registry, script);
    if (live === undefined) throw new Error(`${script} is not deployed`);
    return (
      await fetch(new URL(path, await this.#miniflare.unsafeGetDirectURL(hiddenName(workerName(live), inputs))))
    ).text();
  }

  #address(kind: Gateway): Promise<URL> {
    return this.#miniflare.unsafeGetDirectURL(hiddenName(PLATFORM_WORKER, inputs), kind);
  }
  async #gateway(kind: Gateway): Promise<GatewayFetch> {
    return directGateway(await this.#address(kind), inputs.gateway_secret);
  }
  async #bind(): Promise<void> {
    if (this.#started !== null && this.#bound !== this.#resources()) await this.reload();
  }
  #resources(): string {
    return JSON.stringify(
      [this.registry.list("d1"), this.registry.list("kv"), this.registry.list("r2")].map((all) => all.length),
    );
  }
  #options(withScripts = true): MiniflareOptions {
    const { registry } = this;
    const platform = platformWorker({ ...inputs, registry, services: { node: this.#node.address } });
    const { NODE = "" } = platform.serviceBindings ?? {};
    const live = registry.list("script").flatMap(({ id }) => liveVersion(registry, id) ?? []);
    return convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      host: "127.0.0.1",
      port: 0,
      resourcePersistencePath: this.dir,
      workers: [
        withScripts ? platform : { ...platform, serviceBindings: { NODE } },
        ...(withScripts ? live : []).map(
          (version): V4WorkerOptions => ({
            name: hiddenName(workerName(version), inputs),
            modules: [
              {
                type: "ESModule" as const,
                path: version.main_module,
                contents: version.modules[version.main_module]?.content ?? "",
              },
            ],
            compatibilityDate: version.compatibility_date,
            unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
            bindings: Object.fromEntries(
              version.bindings.flatMap((one) => ("text" in one ? [[one.name, one.text]] : [])),
            ),
            serviceBindings: Object.fromEntries(
              version.bindings.flatMap((one) =>
                one.type === "queue"
                  ? [
                      [
                        one.name,
                        {
                          name: hiddenName(PLATFORM_WORKER, inputs),
                          entrypoint: "QueueBinding",
                          props: { queue_name: one.queue_name },
                        },
                      ],
                    ]
                  : [],
              ),
            ),
          }),
        ),
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
  const engine = await TestEngine.start();
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
