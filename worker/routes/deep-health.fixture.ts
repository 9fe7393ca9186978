/** Every fault that `/health/deep` must name, and what a test of it needs. */
import { expect, vi } from "vitest";
import { CRONS, SERVICE, VECTOR_INDEX } from "../../infra/inventory.ts";
import type { FaultPlan, FaultRule } from "../../local/faults.ts";
import { VECTORIZE_MUTATION_DELAY_MS } from "../../local/limits.ts";
import {
  BREAKER_FAILURES_TO_OPEN,
  BREAKER_OPEN_MS,
  CRON_STOPPED_AFTER_MS,
  DEEP_CHECK_SLOW_MS,
  VECTORIZE_SETTLING_MS,
} from "../limits.ts";
import type { Answer, Service } from "../service.fixture.ts";

export class Rig {
  readonly service: Service;

  constructor(service: Service) {
    this.service = service;
  }

  plan(): FaultPlan {
    if (!this.service.platform.faults) throw new Error("the platform runs without the shim");
    return this.service.platform.faults;
  }

  write(id: string, text: string): Promise<Answer> {
    return this.service.call("PUT", `/api/v1/documents/${id}`, { title: id, text });
  }

  advance(by_ms: number): void {
    this.plan().clock_offset_ms += by_ms;
  }

  runCron(): Promise<void> {
    return this.service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
  }

  /** Cron has run, and no write is settling any more. */
  async settled(): Promise<void> {
    this.advance(VECTORIZE_SETTLING_MS + 1);
    // Again, where its count was lost with the meter that is down on purpose.
    const healthy = async () => {
      await this.runCron();
      expect((await this.deep()).json.checks.cron.status).toBe("healthy");
    };
    await vi.waitFor(healthy, { timeout: 20_000, interval: 300 });
  }

  /** As the bootstrap secret's holder, whom the Worker knows without D1. */
  deep(path = "/health/deep"): Promise<Answer> {
    return this.service.call("GET", path, undefined, { key: this.service.platform.api_secret });
  }

  async sql(statement: string): Promise<unknown[][]> {
    const { runtime } = this.service.platform;
    const [result] = await runtime.queryD1(runtime.registry.list("d1")[0]?.uuid ?? "", [{ sql: statement }]);
    return result?.rows ?? [];
  }

  index(): string {
    const [only] = this.service.platform.vectorize.listIndexes();
    return only?.name ?? "";
  }
}

export const down = (binding: string, method?: string): FaultRule => ({
  binding,
  ...(method === undefined ? {} : { method }),
  error: `${binding} is down`,
});

export interface Fault {
  fault: string;
  /** All that is called broken then. */
  broken: string[];
  rules?: FaultRule[];
  arrange?: (rig: Rig) => Promise<unknown>;
  undo?: (rig: Rig) => Promise<unknown>;
  detail: RegExp;
}

let definition = "";
export const FAULTS: readonly Fault[] = [
  { fault: "D1 down", rules: [down("DB")], broken: ["database"], detail: /DB is down/ },
  { fault: "D1 hanging", rules: [{ binding: "DB", delay_ms: 60_000 }], broken: ["database"], detail: /no answer/ },
  {
    fault: "D1 hanging and R2 down",
    rules: [{ binding: "DB", delay_ms: 60_000 }, down("VECTOR_PACKS")],
    broken: ["database", "packs"],
    detail: /no answer/,
  },
  { fault: "Vectorize down", rules: [down("VECTORIZE")], broken: ["vectorize"], detail: /VECTORIZE is down/ },
  { fault: "Vectorize queries fail", rules: [down("VECTORIZE", "query")], broken: ["vectorize"], detail: /is down/ },
  {
    fault: "Vectorize slow",
    rules: [{ binding: "VECTORIZE", method: "query", delay_ms: DEEP_CHECK_SLOW_MS + 1 }],
    broken: ["vectorize"],
    detail: /slow/,
  },
  { fault: "KV not readable", rules: [down("CONFIG", "get")], broken: ["kv"], detail: /CONFIG is down/ },
  { fault: "the other KV not readable", rules: [down("CACHE", "get")], broken: ["kv"], detail: /CACHE is down/ },
  { fault: "R2 down", rules: [down("VECTOR_PACKS")], broken: ["packs"], detail: /VECTOR_PACKS is down/ },
  { fault: "AI down", rules: [down("AI")], broken: ["ai"], detail: /AI is down/ },
  { fault: "the queue takes no message", rules: [down("INGEST_QUEUE", "send")], broken: ["queue"], detail: /is down/ },
  { fault: "the alert state down", rules: [down("ALERTS")], broken: ["alerts"], detail: /ALERTS is down/ },
  { fault: "the book of status down", rules: [down("STATUS")], broken: ["status"], detail: /STATUS is down/ },
  {
    fault: "the audit archive down",
    rules: [down("AUDIT_ARCHIVE")],
    broken: ["audit_archive"],
    detail: /AUDIT_ARCHIVE is down/,
  },
  {
    fault: "a segment lost from the audit archive",
    arrange: (rig) => rig.sql("INSERT INTO audit_anchors VALUES (999, 999, '', 'archive/lost', 1)"),
    undo: async (rig) => {
      const [[kept] = []] = await rig.sql("SELECT sql FROM sqlite_schema WHERE name = 'audit_anchors_kept'");
      await rig.sql("DROP TRIGGER audit_anchors_kept");
      await rig.sql("DELETE FROM audit_anchors WHERE last_seq = 999");
      await rig.sql(String(kept));
    },
    broken: ["audit_archive"],
    detail: /lacks archive\/lost/,
  },
  { fault: "the meter down", rules: [down("METER")], broken: ["meter"], detail: /METER is down/ },
  {
    fault: "cron stopped",
    arrange: async (rig) => rig.advance(CRON_STOPPED_AFTER_MS + 60_000),
    undo: (rig) => rig.settled(),
    broken: ["cron"],
    detail: /cron has stopped/,
  },
  {
    fault: "cron fails each time",
    arrange: async (rig) => {
      rig.advance(CRON_STOPPED_AFTER_MS + 60_000);
      rig.plan().rules = [down("DB")];
      await rig.runCron().catch(() => {});
      rig.plan().rules = [];
      await vi.waitFor(async () => expect((await rig.deep()).json.checks.cron.facts.runs).toBe(1), { timeout: 20_000 });
    },
    undo: (rig) => rig.settled(),
    broken: ["cron"],
    detail: /every run has failed/,
  },
  {
    fault: "the chat model failing",
    arrange: async (rig) => {
      rig.plan().rules = [down("AI")];
      for (let index = 0; index < BREAKER_FAILURES_TO_OPEN; index += 1)
        await rig.service.call("POST", "/api/v1/chat", {
          message: `What does the granary weevil eat? ${"!".repeat(index)}`,
        });
      rig.plan().rules = [];
    },
    undo: async (rig) => {
      rig.advance(BREAKER_OPEN_MS + 1);
      await rig.service.call("POST", "/api/v1/chat", { message: "What does the granary weevil eat?" });
    },
    broken: ["ai"],
    detail: /chat model/,
  },
  {
    fault: "full-text index missing",
    arrange: async (rig) => {
      definition = String((await rig.sql("SELECT sql FROM sqlite_schema WHERE name = 'chunks_fts'"))[0]?.[0]);
      await rig.sql("DROP TABLE chunks_fts");
    },
    undo: async (rig) => {
      await rig.sql(definition);
      await rig.sql("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')");
    },
    broken: ["tables", "full_text"],
    detail: /chunks_fts/,
  },
  {
    fault: "full-text index with an orphan",
    arrange: (rig) =>
      rig.sql(
        "INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text, words) VALUES (999, 't', '', '', 'x', '')",
      ),
    undo: (rig) => rig.sql("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')"),
    broken: ["full_text"],
    detail: /1 row without a chunk/,
  },
  {
    fault: "full-text index without its rows",
    arrange: (rig) => rig.sql("INSERT INTO chunks_fts (chunks_fts) VALUES ('delete-all')"),
    undo: (rig) => rig.sql("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')"),
    broken: ["full_text"],
    detail: /lacks 2 of the chunks/,
  },
  {
    fault: "an orphaned vector",
    arrange: async (rig) => {
      const values = Float32Array.from({ length: VECTOR_INDEX.dimensions }, (_, at) => at / 1000);
      rig.service.platform.vectorize.upsert(rig.index(), [{ id: "999", namespace: "default", values }]);
      await rig.service.platform.vectorize.flush();
    },
    undo: async (rig) => {
      rig.service.platform.vectorize.deleteByIds(rig.index(), ["999"]);
      await rig.service.platform.vectorize.flush();
    },
    broken: ["vector_parity"],
    detail: /1 of the vectors found have no chunk; 3 vectors stand against 2 chunks/,
  },
  {
    fault: "Vectorize stale",
    arrange: async (rig) => {
      rig.service.platform.vectorize.setMutationDelay(Number.POSITIVE_INFINITY);
      expect((await rig.write("late", "A late bark beetle.")).status).toBe(201);
      await vi.waitFor(async () => expect(await rig.sql("SELECT 1 FROM vector_outbox")).toEqual([]), {
        timeout: 20_000,
      });
      expect((await rig.deep()).json.checks.vector_parity).toMatchObject({ status: "unknown", facts: { missing: 1 } });
      rig.advance(VECTORIZE_SETTLING_MS + 1);
    },
    undo: async (rig) => {
      rig.service.platform.vectorize.setMutationDelay(VECTORIZE_MUTATION_DELAY_MS);
      await rig.service.platform.vectorize.flush();
    },
    broken: ["vector_parity"],
    detail: /1 of 3 chunks looked up have no vector; only 2 vectors stand against 3 chunks; Vectorize is stale/,
  },
  {
    fault: "a write fence",
    arrange: async (rig) => {
      await rig.sql("INSERT INTO write_fence VALUES (1, 'test', 'test', 1, NULL)");
      await rig.sql(
        "CREATE TRIGGER held BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'prism-write-fence'); END",
      );
    },
    undo: async (rig) => {
      await rig.sql("DROP TRIGGER held");
      await rig.sql("DELETE FROM write_fence");
    },
    broken: ["database_write"],
    detail: /fence/,
  },
  {
    fault: "D1 not writable",
    arrange: (rig) =>
      rig.sql("CREATE TRIGGER held BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'disk full'); END"),
    undo: (rig) => rig.sql("DROP TRIGGER held"),
    broken: ["database_write"],
    detail: /disk full/,
  },
  {
    fault: "a pack lost from R2",
    arrange: (rig) =>
      rig.sql("INSERT INTO packs SELECT 999, 'packs/lost', embedding_model, dimensions, 1, 1, NULL FROM packs LIMIT 1"),
    undo: (rig) => rig.sql("DELETE FROM packs WHERE id = 999"),
    broken: ["packs"],
    detail: /packs\/lost is missing/,
  },
  {
    fault: "a letter that died",
    arrange: (rig) => rig.sql(`INSERT INTO dead_letters VALUES ('x', 'q', '{}', 5, ${rig.plan().now()})`),
    undo: (rig) => rig.sql("DELETE FROM dead_letters"),
    broken: ["queue"],
    detail: /a message died/,
  },
];
