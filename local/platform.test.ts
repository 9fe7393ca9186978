import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleWorker } from "../infra/build.ts";
import { SERVICE } from "../infra/inventory.ts";
import { type Service, startService } from "../worker/service.fixture.ts";
import { type Platform, startPlatform } from "./platform.ts";
import type { Registry, VersionRecord } from "./registry.ts";
import { liveDeployment } from "./workerd.ts";

const ROOT = join(import.meta.dirname, "..");

let service: Service;
let temp: string;
const tempBefore = process.env.TMPDIR;
beforeAll(async () => {
  // Of its own, to see what a platform leaves there.
  temp = mkdtempSync(join(tmpdir(), "prism-platform-test-"));
  process.env.TMPDIR = temp;
  service = await startService();
});
afterAll(async () => {
  await service.close();
  if (tempBefore === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = tempBefore;
  rmSync(temp, { recursive: true, force: true });
});

const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");

function liveVersion({ runtime }: Platform): VersionRecord {
  const { registry } = runtime;
  const id = liveDeployment(registry, SERVICE)?.versions[0]?.version_id ?? "";
  return registry.get("version", id) as VersionRecord;
}

/** Records a version like the live one with other code, and a deployment of the given shares; returns both ids. */
function deploy(code: string | null, shares: (id: string) => Record<string, number>) {
  const { registry } = service.platform.runtime;
  const live = liveVersion(service.platform);
  const id = randomUUID();
  if (code !== null) {
    const modules = { "worker.js": { content: code, content_type: "application/javascript+module" } };
    registry.put("version", id, { ...live, id, number: live.number + 1, modules });
  }
  return { id, deployment_id: deployment(registry, shares(id)) };
}

/** Records a deployment of versions by their share; returns its id. */
function deployment(registry: Registry, shares: Record<string, number>): string {
  const deployment_id = randomUUID();
  registry.put("deployment", deployment_id, {
    id: deployment_id,
    script_name: SERVICE,
    created_on: new Date().toISOString(),
    source: "test",
    strategy: "percentage",
    versions: Object.entries(shares).map(([version_id, percentage]) => ({ version_id, percentage })),
    annotations: {},
  });
  return deployment_id;
}

const bundleOf = ({ modules, main_module }: VersionRecord) => modules[main_module]?.content ?? "";

/** Requests over kept and over new connections, one after the other in each, until stopped; returns what went wrong. */
function traffic(): () => Promise<{ failures: string[]; requests: number }> {
  const kept = new Agent({ keepAlive: true });
  const failures: string[] = [];
  let requests = 0;
  let stopped = false;
  const once = (agent: Agent | false, write: boolean) =>
    new Promise<void>((resolve) => {
      const method = write ? "POST" : "GET";
      const path = write ? "/api/v1/search" : "/api/v1/documents";
      const headers = { authorization: `Bearer ${service.platform.admin_key}`, "content-type": "application/json" };
      const outgoing = request(`${service.platform.url}${path}`, { agent, method, headers }, (incoming) => {
        if (incoming.statusCode !== 200) failures.push(`status ${incoming.statusCode}`);
        incoming.on("error", (error) => failures.push(String(error))).on("close", resolve);
        incoming.resume();
      });
      outgoing.on("error", (error) => {
        failures.push(String(error));
        resolve();
      });
      outgoing.end(write ? JSON.stringify({ query: `weevil ${requests}` }) : undefined);
      requests += 1;
    });
  const loops = [0, 1, 2, 3, 4, 5].map(async (lane) => {
    while (!stopped) await once(lane % 2 === 0 ? kept : false, lane % 3 === 0);
  });
  return async () => {
    stopped = true;
    await Promise.all(loops);
    kept.destroy();
    return { failures, requests };
  };
}

describe("one artefact", () => {
  test("what runs is what `npm run build` writes, byte for byte", async () => {
    const { code } = await bundleWorker();
    const printed = execFileSync(process.execPath, ["infra/build.ts"], { cwd: ROOT, encoding: "utf8" });
    expect(printed).toMatch(/compressed \(limit 1000 kB\)/);
    const built = readFileSync(join(ROOT, "dist/worker.js"));
    expect(sha256(built)).toBe(sha256(code));
    expect(sha256(bundleOf(liveVersion(service.platform)))).toBe(sha256(code));
  });
});

describe("side by side", () => {
  test("two platforms share no key, no document, no queue and no folder; closing one leaves nothing of it", async () => {
    const before = readdirSync(temp);
    const other = await startService();
    await service.call("PUT", "/api/v1/documents/mine", { text: "Only here: the quagga." });
    const stranger = await other.call("GET", "/api/v1/documents/mine", undefined, { key: service.platform.admin_key });
    expect(stranger.status).toBe(401);
    expect((await other.call("GET", "/api/v1/documents/mine")).status).toBe(404);
    const batch = { documents: [{ id: "queued", text: "Through the other queue." }] };
    await other.job((await other.call("POST", "/api/v1/documents/batch", batch)).json.job_id);
    expect((await other.call("GET", "/api/v1/documents/queued")).status).toBe(200);
    expect((await service.call("GET", "/api/v1/documents/queued")).status).toBe(404);
    await other.close();
    expect(readdirSync(temp).toSorted()).toEqual(before.toSorted());
    await expect(fetch(other.platform.url)).rejects.toThrow();
    await expect(fetch(other.platform.api_url)).rejects.toThrow();
    expect((await service.call("GET", "/api/v1/documents/mine")).status).toBe(200);
  });

  test("a folder is one platform's, also within one process, and the loser takes nothing away", async () => {
    const data_dir = join(temp, "kept");
    const first = await startService({ data_dir });
    const announced = readFileSync(join(data_dir, "platform.json"), "utf8");
    await expect(startService({ data_dir })).rejects.toThrow(/already running on .*--data DIR or --ephemeral/s);
    expect(readFileSync(join(data_dir, "platform.json"), "utf8")).toBe(announced);
    expect((await first.call("GET", "/health")).status).toBe(200);
    await first.close();
    expect(existsSync(join(data_dir, "platform.json"))).toBe(false);
  });
});

describe("what is deployed decides", () => {
  test("an empty account has nothing and answers 503", async () => {
    const empty = await startPlatform({ account: "empty" });
    try {
      expect(empty.runtime.registry.list("d1")).toEqual([]);
      expect((await fetch(`${empty.url}/health`)).status).toBe(503);
      expect(empty.admin_key).toBe("");
    } finally {
      await empty.close();
    }
  });

  test("a restart migrates the database that the live version is bound to, and takes over its secret", async () => {
    const data_dir = mkdtempSync(join(temp, "data-"));
    const uuid = randomUUID();
    const api_secret = "another-secret-of-32-characters-or-more";
    const first = await startPlatform({ data_dir });
    const { registry } = first.runtime;
    const [database] = registry.list("d1");
    if (!database) throw new Error("nothing was seeded");
    registry.put("d1", uuid, { ...database, uuid, name: "prism-db-g2" });
    const live = liveVersion(first);
    const bindings = live.bindings.map((binding) => {
      if (binding.type === "d1") return { ...binding, id: uuid };
      return binding.name === "API_SECRET" ? { ...binding, type: "secret_text" as const, text: api_secret } : binding;
    });
    const id = randomUUID();
    registry.put("version", id, { ...live, id, number: live.number + 1, bindings });
    deployment(registry, { [id]: 100 });
    await first.close();
    const second = await startPlatform({ data_dir });
    try {
      expect(second.api_secret).toBe(api_secret);
      const [applied] = await second.runtime.queryD1(uuid, [{ sql: "SELECT name FROM d1_migrations" }]);
      expect(applied?.rows.length).toBeGreaterThan(0);
    } finally {
      await second.close();
    }
  });

  test("a store that is deleted under a live Worker takes only its binding along", async () => {
    const { runtime } = service.platform;
    const [namespace] = runtime.registry.list("kv");
    if (!namespace) throw new Error("nothing was seeded");
    runtime.registry.delete("kv", namespace.id);
    await runtime.exclusively(async () => {});
    expect((await fetch(`${service.platform.url}/health/live`)).status).toBe(200);
    runtime.registry.put("kv", namespace.id, namespace);
    await runtime.reload();
  });
});

describe("switching under traffic", () => {
  test("reloads and exclusive work on the files lose no request, on kept and on new connections, and no query of the REST API", async () => {
    const { runtime } = service.platform;
    const database = runtime.registry.list("d1")[0]?.uuid ?? "";
    const stop = traffic();
    let stopped = false;
    const queries = [0, 1, 2].map(async () => {
      while (!stopped) await runtime.queryD1(database, [{ sql: "SELECT count(*) FROM documents" }]);
    });
    for (let i = 0; i < 2; i += 1) {
      await runtime.reload();
      await runtime.exclusively(async () => {});
    }
    stopped = true;
    await Promise.all(queries);
    const { failures, requests } = await stop();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(20);
  });

  test("code that workerd refuses is an error of the deployment; the version before it keeps serving", async () => {
    const good = liveVersion(service.platform);
    const stop = traffic();
    const { deployment_id } = deploy("export default { fetch( { return", (id) => ({ [id]: 100 }));
    await expect(service.platform.runtime.reload()).rejects.toThrow(/SyntaxError|syntax|Unexpected/i);
    const { failures } = await stop();
    expect(failures).toEqual([]);
    const answer = await service.call("GET", "/health/live");
    expect([answer.status, answer.headers.get("x-worker-version")]).toEqual([200, good.id]);
    service.platform.runtime.registry.delete("deployment", deployment_id);
    await service.platform.runtime.reload();
    expect((await service.call("GET", "/health/live")).headers.get("x-worker-version")).toBe(good.id);
  });

  test("a split sends traffic to both versions, each with its own id, over the same data", async () => {
    const old = liveVersion(service.platform);
    const { id } = deploy(bundleOf(old), (id) => ({ [old.id]: 50, [id]: 50 }));
    await service.platform.runtime.reload();
    await service.call("PUT", "/api/v1/documents/split", { text: "Seen by both versions." });
    const seen = new Map<string, number>();
    for (let i = 0; i < 60; i += 1) {
      const { status, headers } = await service.call("GET", "/api/v1/documents/split");
      expect(status).toBe(200);
      const version = headers.get("x-worker-version") ?? "";
      seen.set(version, (seen.get(version) ?? 0) + 1);
    }
    expect([...seen.keys()].toSorted()).toEqual([old.id, id].toSorted());
    deploy(null, () => ({ [id]: 100 }));
    await service.platform.runtime.reload();
    expect((await service.call("GET", "/health/live")).headers.get("x-worker-version")).toBe(id);
  });

  test("new resources work at their first use, and using several at once reloads once", async () => {
    const { runtime } = service.platform;
    const created = new Date().toISOString();
    const uuid = randomUUID();
    runtime.registry.put("d1", uuid, {
      uuid,
      name: "fresh",
      created_at: created,
      version: "production",
      read_replication: { mode: "disabled" },
    });
    const kvId = "a".repeat(32);
    runtime.registry.put("kv", kvId, { id: kvId, title: "fresh", supports_url_encoding: true });
    runtime.registry.put("r2", "fresh-bucket", {
      name: "fresh-bucket",
      creation_date: created,
      location: "WNAM",
      storage_class: "Standard",
      lifecycle_rules: [],
      lock_rules: [],
    });
    const before = service.platform.workerdPid();
    const pids = new Set<number | null>();
    const [rows, kv, bucket] = await Promise.all([
      runtime.queryD1(uuid, [{ sql: "SELECT 1 AS one" }]),
      runtime.kv(kvId),
      runtime.r2("fresh-bucket"),
    ]);
    pids.add(service.platform.workerdPid());
    expect(rows[0]?.rows).toEqual([[1]]);
    expect((await kv.list({ limit: 10 })).keys).toEqual([]);
    await bucket.put("k", "v");
    expect(await (await bucket.get("k"))?.text()).toBe("v");
    pids.add(service.platform.workerdPid());
    expect(pids.size).toBe(1);
    if (before !== null) expect(pids.has(before)).toBe(false);
    await expect(runtime.queryD1("no-such-database", [{ sql: "SELECT 1" }])).rejects.toThrow(/no d1 resource/);
  });
});
