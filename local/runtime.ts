import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { R2Bucket } from "@cloudflare/workers-types";
import type { Miniflare } from "miniflare";
import { hideBuckets } from "./bucket-storage.ts";
import type { Engine } from "./engine.ts";
import { queueEvent, sendEvent } from "./events.ts";
import type { FrontProxy } from "./front-proxy.ts";
import { PROXY_DRAIN_MAX_MS, WAIT_UNTIL_MS } from "./limits.ts";
import { type Load, planLoad } from "./load.ts";
import type { ResourceKind } from "./registry.ts";
import { type D1Query, type D1Rows, queryThroughGateway } from "./rest/d1-gateway.ts";
import { gatewayKv, type KvGateway } from "./rest/kv-gateway.ts";
import type { Deliver, DeliveryResult } from "./rest/queue-broker.ts";
import { directGateway, type GatewayFetch, gatewayBucket } from "./s3/gateway-bucket.ts";
import { isPortTaken, startMiniflare } from "./start-miniflare.ts";
import { updateWatchdog } from "./watchdog.ts";
import { hiddenName, PLATFORM_WORKER } from "./worker-bindings.ts";
import { d1FilePath, type Gateway, liveDeployment, peerName, storePaths, type WorkerdInputs } from "./workerd.ts";

export class Runtime implements Engine {
  readonly account_id: string;
  readonly registry: WorkerdInputs["registry"];
  readonly #inputs: WorkerdInputs;
  readonly #proxy: FrontProxy;
  readonly #now: () => number;
  readonly #begun = Promise.withResolvers<void>();
  #started: Miniflare | null = null;
  /** Not in the data folder: a socket's path may have only some hundred bytes. Closed to other users. */
  readonly #sockets = mkdtempSync(join(tmpdir(), "prism-workerd-"));
  #loads = 0;
  /** The last load that workerd accepted. */
  #working: Load;
  /** The last switch that was asked for, the first being the start; never rejects. */
  #switching: Promise<unknown> = this.#begun.promise;
  #uses = 0;
  #onUnused: (() => void)[] = [];
  /** When a handler was run last, on the clock of `performance`. */
  #handled_ms = Number.NEGATIVE_INFINITY;

  /** The account without workerd: records can be read and changed, and what needs workerd waits for `start`. */
  constructor(account_id: string, inputs: WorkerdInputs, proxy: FrontProxy, now: () => number) {
    this.account_id = account_id;
    this.registry = inputs.registry;
    this.#inputs = inputs;
    this.#proxy = proxy;
    this.#now = now;
    this.#working = this.#plan();
  }

  /** Starts workerd with what the registry names by now. @throws when workerd refuses; nothing runs then. */
  async start(): Promise<void> {
    const { persist_dir, bucket_secret, registry } = this.#inputs;
    const buckets = registry.list("r2").map(({ name }) => name);
    hideBuckets(persist_dir, buckets, bucket_secret);
    const load = this.#plan();
    this.#started = startMiniflare(load.options);
    await this.#route(load);
    this.#begun.resolve();
  }

  get #miniflare(): Miniflare {
    if (this.#started) return this.#started;
    throw new Error("workerd was not started yet");
  }

  now(): number {
    return this.#now();
  }

  queryD1(databaseId: string, queries: readonly D1Query[]): Promise<D1Rows[]> {
    return this.#use({ kind: "d1", id: databaseId }, async () => {
      return queryThroughGateway(await this.#gateway("d1"), `d1:${databaseId}`, queries);
    });
  }

  async kv(namespaceId: string): Promise<KvGateway> {
    const resource = { kind: "kv", id: namespaceId } as const;
    await this.#use(resource, async () => {});
    const fetch: GatewayFetch = (url, init) => this.#use(resource, async () => (await this.#gateway("kv"))(url, init));
    return gatewayKv(fetch, `kv:${namespaceId}`);
  }

  async r2(bucketName: string): Promise<R2Bucket> {
    const resource = { kind: "r2", id: bucketName } as const;
    await this.#use(resource, async () => {});
    const fetch: GatewayFetch = (url, init) => this.#use(resource, async () => (await this.#gateway("r2"))(url, init));
    return gatewayBucket(fetch, `r2:${bucketName}`);
  }

  async #gateway(kind: Gateway): Promise<GatewayFetch> {
    return directGateway(await this.#address(kind), this.#inputs.gateway_secret);
  }

  /** Asked for anew at each call: it does not outlive a reload. */
  #address(kind: Gateway): Promise<URL> {
    return this.#miniflare.unsafeGetDirectURL(hiddenName(PLATFORM_WORKER, this.#inputs), kind);
  }

  /** Hands a batch of messages to the queue handler of a script's live version. */
  readonly deliver: Deliver = async (scriptName, queueName, messages) =>
    (await this.#send(scriptName, queueEvent(queueName, messages))) as DeliveryResult;

  d1File(databaseId: string): string {
    return d1FilePath(this.#inputs.persist_dir, databaseId);
  }

  async dropData(kind: "d1" | "kv" | "r2", id: string): Promise<void> {
    const paths = storePaths(this.#inputs, kind, id);
    // Stopping workerd costs every request half a second: not for a store that nothing was ever written to.
    if (!paths.some((path) => existsSync(path))) return;
    await this.exclusively(async () => {
      for (const path of paths) rmSync(path, { recursive: true, force: true });
    });
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#switch(async () => {
      await this.#miniflare.dispose();
      try {
        return await work();
      } finally {
        const load = this.#plan();
        this.#started = startMiniflare(load.options);
        await this.#route(load);
      }
    });
  }

  async reload(): Promise<void> {
    // The start loads what the registry names then.
    if (!this.#started) return;
    return this.#switch(async () => {
      const load = this.#plan();
      try {
        await this.#change(load);
      } catch (error) {
        // workerd refused the code: what ran before runs again.
        await this.#startAnew(this.#working);
        throw error;
      }
    });
  }

  async #change(load: Load): Promise<void> {
    try {
      await this.#miniflare.setOptions(load.options);
      await this.#route(load);
    } catch (error) {
      if (!isPortTaken(error)) throw error;
      await this.#startAnew(load);
    }
  }

  async #startAnew(load: Load): Promise<void> {
    await this.#miniflare.dispose().catch(() => {});
    // workerd does not take a socket's file over that an earlier one left.
    for (const file of readdirSync(this.#sockets)) rmSync(join(this.#sockets, file));
    this.#started = startMiniflare(load.options);
    await this.#route(load);
  }

  async triggerSchedule(scriptName: string, cron: string): Promise<void> {
    await this.#send(scriptName, { cron, scheduled_ms: this.#now() });
  }

  /** Names of the bindings that the live version of the service is really handed by workerd. */
  async liveBindings(): Promise<string[]> {
    const [target] = this.#working.targets;
    if (!target) throw new Error("nothing is deployed");
    return Object.keys(await this.#miniflare.getBindings(hiddenName(target.name, this.#inputs)));
  }

  async stop(): Promise<void> {
    if (this.#started) {
      this.#begun.resolve();
      await this.#switching;
      await this.#started.dispose();
    }
    rmSync(this.#sockets, { recursive: true, force: true });
    updateWatchdog();
  }

  /**
   * Runs work that needs workerd between two switches, never during one. The first use of a new resource loads it;
   * uses that come at once share that load.
   */
  async #use<T>(resource: { kind: ResourceKind; id: string } | null, work: () => Promise<T>): Promise<T> {
    const isLoaded = () => resource === null || this.#working.resources.has(`${resource.kind}:${resource.id}`);
    for (let settled: unknown = null; settled !== this.#switching || !isLoaded(); ) {
      settled = this.#switching;
      await settled;
      if (settled !== this.#switching || isLoaded()) continue;
      if (resource && !this.registry.get(resource.kind, resource.id))
        throw new Error(`no ${resource.kind} resource ${resource.id} in this account`);
      await this.reload();
    }
    this.#uses += 1;
    try {
      return await work();
    } finally {
      this.#uses -= 1;
      if (this.#uses === 0) for (const resolve of this.#onUnused.splice(0)) resolve();
    }
  }

  /** Resolves when nothing on this side of workerd is under way. */
  async #unused(): Promise<void> {
    if (this.#uses > 0) await new Promise<void>((resolve) => this.#onUnused.push(resolve));
  }

  #switch<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#switching.then(async () => {
      this.#proxy.hold();
      try {
        // A stream may outlive any patience; it is cut then, as a deployment on Cloudflare would after its grace.
        const patience = pause(PROXY_DRAIN_MAX_MS, undefined, { ref: false });
        await Promise.race([Promise.all([this.#proxy.drained(), this.#unused()]), patience]);
        const idle_ms = Math.min(this.#proxy.idleFor_ms(), performance.now() - this.#handled_ms);
        if (idle_ms < WAIT_UNTIL_MS) await pause(WAIT_UNTIL_MS - idle_ms);
        await this.flushTelemetry();
        return await work();
      } finally {
        this.#proxy.release();
      }
    });
    this.#switching = turn.catch(() => {});
    return turn;
  }

  /** What workerd has heard of invocations and not told yet would end with it. */
  async flushTelemetry(): Promise<void> {
    const intake = this.#gateway("telemetry");
    // A workerd that does not answer has nothing to tell.
    await intake.then((fetch) => fetch("http://telemetry/", { method: "POST", body: "" })).catch(() => null);
  }

  /** Runs a handler of a script's live version. */
  #send(script: string, event: Parameters<typeof sendEvent>[3]): Promise<unknown> {
    return this.#use(null, async () => {
      if (!liveDeployment(this.registry, script)) throw new Error(`script ${script} has no deployment`);
      const address = await this.#address("events");
      return sendEvent(address, this.#inputs.gateway_secret, script, event).finally(() => {
        this.#handled_ms = performance.now();
      });
    });
  }

  #plan(): Load {
    return planLoad(this.#inputs, this.#sockets, ++this.#loads);
  }

  /** Points the proxy at a load that workerd has accepted. */
  async #route(load: Load): Promise<void> {
    await this.#miniflare.ready;
    updateWatchdog();
    const targets = load.targets.map((target) => ({ ...target, socket: load.socket(target.name) }));
    this.#proxy.route(
      targets,
      new Map(this.#inputs.extra_workers.map(({ name }) => [name, load.socket(peerName(name))])),
    );
    this.#working = load;
  }
}
