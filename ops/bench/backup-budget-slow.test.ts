/** A backup that needs more requests than Cloudflare admits in five minutes, against a platform that counts them; time is simulated. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { planBackup } from "../backup/create-plan.ts";
import { initRepository } from "../backup/repository/key-administration.ts";
import { joinKeys } from "../backup/repository/key-file.ts";
import { openRepository } from "../backup/repository/open-repository.ts";
import { survey } from "../backup/snapshot/survey.ts";
import { takeSnapshot } from "../backup/snapshot/take.ts";
import { stackSources } from "../backup/stack-sources.ts";
import { RequestBudget } from "../cloudflare/request-budget.ts";
import { restoreCost } from "../restore/cost.ts";
import { locateStack } from "../stack/locate.ts";
import { directoryStorage } from "../storage/directory-storage.ts";

/** Each is a request of its own to read: with the rest of a backup they exceed the 1200. */
const KEYS = 1_250;
const { signal } = new AbortController();
let dir: string;
let platform: Platform;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-budget-"));
  platform = await startPlatform({ data_dir: dir, faults: true, api_budget: true });
}, 60_000);
afterAll(async () => {
  await platform.close();
  await rm(dir, { recursive: true });
});

test("a backup beyond 1200 requests is never refused, and its plan knew requests and duration within 20 %", {
  timeout: 120_000,
}, async () => {
  const { faults } = platform;
  if (faults === null) throw new Error("the platform was started with a clock to move");
  const began_ms = faults.now();
  const budget = new RequestBudget({
    now: () => faults.now(),
    async sleep(ms) {
      faults.clock_offset_ms += ms;
    },
  });
  const refused: string[] = [];
  const found = await locateStack("local", dir, {}, signal);
  const target = {
    ...found,
    async resources() {
      for (let request = 0; request < DISCOVERY_REQUESTS; request += 1) await budget.take(signal);
      return await found.resources();
    },
  };
  const note = (text: string) => refused.push(text);
  const sources = await stackSources({ signal, stack: "local", target: async () => target, note, env: {} }, budget);
  const { api, resources } = sources.stores;
  const { account_id, kv } = resources;
  const entries = Array.from({ length: KEYS }, (_, at) => ({ key: `blocked/${at}`, value: "1" }));
  await api.kv.namespaces.keys.bulkUpdate(kv.config, { account_id, body: entries });

  const storage = directoryStorage(join(dir, "vault"));
  const keys = await initRepository(storage, { escrow: "e", writer: "w" }, Date.now(), signal);
  const repository = await openRepository(storage, joinKeys(keys.writer, keys.escrow));
  const planned = async (full: boolean) => {
    const found = await survey(sources, repository.openNewest(), { full, marking: false, now: Date.now });
    return await planBackup(repository, sources, found, full);
  };
  const plan = await planned(false);
  const from_ms = faults.now();
  const { summary } = await takeSnapshot(repository, sources, {
    full: false,
    tool: "test 1",
    now: () => faults.now(),
    requests: () => budget.admitted,

    on_bytes: () => {},
  });
  const took_s = (faults.now() - from_ms) / 1000;
  expect(refused).toEqual([]);
  expect(summary.cost.requests).toBeGreaterThan(1_200);
  expect(plan.requests / summary.cost.requests).toBeGreaterThan(0.8);
  expect(plan.requests / summary.cost.requests).toBeLessThan(1.2);
  expect(plan.duration_s / took_s).toBeGreaterThan(0.8);
  expect(plan.duration_s / took_s).toBeLessThan(1.2);
  // What the platform's clock shows: no window of five minutes had more than it admits.
  expect(faults.now() - began_ms).toBeGreaterThan(300_000);

  // The same plan for a database that is a thousand times larger: rows are estimated by the span of their key.
  const { uuid = "" } = platform.runtime.registry.list("d1").find(({ name }) => name === "prism-db-g1") ?? {};
  await platform.runtime.queryD1(uuid, [
    { sql: "INSERT INTO documents VALUES (1, 't', 'e', 'T', NULL, 'md', '{}', 'h', '[]', 1, 1, 1, 1)" },
    ...[1, 1_000_000].map((id) => ({
      sql: "INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count) VALUES (?1, 1, 't', 'T', 'h', ?2, 'h', 1)",
      params: [id, "x".repeat(800)],
    })),
  ]);
  const large = await planned(true);
  expect(large.tables).toContainEqual(expect.objectContaining({ name: "chunks", rows: 1_000_000 }));
  // 2 MB a page.
  expect(large.requests - plan.requests).toBeGreaterThan(400);
  expect(large.duration_s).toBeGreaterThanOrEqual(302);
  await repository.close();
  sources.close();
});

test("a restore of a million vectors is planned with its requests and the windows that they take", () => {
  const table = { name: "chunks", rows: 1_000_000, bytes: 1_000_000_000, indexes: 2 };
  const cost = restoreCost({
    tables: [table],
    definitions: 60,
    vectors: 1_000_000,
    dimensions: 384,
    objects: 1_000,
    config_keys: 10,
    is_local: false,
  });
  // Uploads of 5000 vectors, 1000 ids a page to compare, rows by 3.6 MB out and 2 MB back.
  expect(cost.requests).toBeGreaterThan(1_000_000 / 5_000 + 1_000 + 1_000 / 3.6 + 1_000 / 2);
  expect(cost.duration_s).toBeGreaterThanOrEqual(Math.floor((cost.requests - 1) / 1_200) * 302);
  expect(cost.free_days).toBe(30);
});

/** Of `StackTarget.resources`, whose client counts for itself. */
const DISCOVERY_REQUESTS = 12;
