import { expect, test } from "vitest";
import type { PlannedMigration } from "../migrate/plan.ts";
import type { PlannedStep } from "../stack/driver.ts";
import { bindingDifferences } from "./read-back.ts";
import { refusals, type SafetyInputs } from "./safety.ts";
import { condemnation } from "./traffic.ts";

const NOW_MS = Date.parse("2026-11-22T12:00:00Z");
const HOUR_MS = 3_600_000;
const replaced: PlannedStep = {
  kind: "replace",
  type: "cloudflare:index/d1Database:D1Database",
  name: "prism-db-g1",
  changed: ["name"],
  protected: false,
};
const waivers = [{ resource: "prism-db-g1", reason: "its data is in generation 2", expires: "2026-11-25" }];
const backup = { snapshot: "b1", state_at_ms: NOW_MS - HOUR_MS };
const migration = (phase: "expand" | "contract"): PlannedMigration => ({
  ...{ name: "0009_next.sql", phase, action: "apply", reason: "", has_way_back: true },
});
const asked = (change: Partial<SafetyInputs>) =>
  refusals({
    ...{ steps: [], migrations: [], waivers: [], backup: null, without_backup: null, first: false, now_ms: NOW_MS },
    ...change,
  });

test("a store is replaced or deleted only with a waiver that counts, a verified backup of the last day, and no protection", () => {
  const [refusal] = asked({ steps: [replaced] });
  expect(refusal).toMatchObject({
    subject: "prism-db-g1",
    reason: expect.stringContaining("no waiver"),
    remedy: expect.stringContaining("generation"),
  });
  expect(asked({ steps: [replaced], backup })).toHaveLength(1);
  expect(asked({ steps: [replaced], waivers })[0]?.reason).toContain("no verified backup");
  expect(
    asked({ steps: [replaced], waivers, backup: { snapshot: "b0", state_at_ms: NOW_MS - 25 * HOUR_MS } })[0]?.reason,
  ).toContain("25 hours old");
  const early = { snapshot: "b2", state_at_ms: NOW_MS + HOUR_MS };
  expect(asked({ steps: [replaced], waivers, backup: early })[0]?.reason).toContain("time to come");
  expect(asked({ steps: [replaced], waivers, backup })).toEqual([]);
  expect(asked({ steps: [{ ...replaced, protected: true }], waivers, backup })[0]?.reason).toContain("protection");
  const expired = [{ ...waivers[0], resource: "prism-db-g1", reason: "was once planned", expires: "2026-11-01" }];
  expect(asked({ steps: [replaced], waivers: expired, backup })[0]?.reason).toContain("expired on 2026-11-01");
  expect(asked({ steps: [replaced], without_backup: "no time", first: true })).toHaveLength(1);
});

test("what holds no data may be replaced", () => {
  expect(asked({ steps: [{ ...replaced, type: "cloudflare:index/workerVersion:WorkerVersion" }] })).toEqual([]);
});

test("a migration needs a verified backup; a reason stands in for it only where the migration adds", () => {
  expect(asked({ migrations: [migration("expand")] })[0]?.remedy).toContain("--without-backup");
  expect(asked({ migrations: [migration("expand")], without_backup: "empty tables" })).toEqual([]);
  expect(asked({ migrations: [migration("contract")], without_backup: "empty tables" })).toHaveLength(1);
  expect(asked({ migrations: [migration("contract")], backup })).toEqual([]);
  expect(asked({ migrations: [{ ...migration("contract"), action: "wait" }] })).toEqual([]);
  expect(asked({ migrations: [migration("contract")], first: true })).toEqual([]);
});

test("one lost packet condemns no version, a share of failures does", () => {
  const phase = { phase: "10 %", longest_ms: 0, examples: ["GET /health: 500"] };
  const seen = (requests: number, failed: number, candidate = { requests: 0, failed: 0 }) =>
    condemnation({ ...phase, requests, failed, candidate });
  expect([seen(20, 1), seen(20, 2), seen(1000, 9)]).toEqual([null, null, null]);
  expect(seen(20, 3)).toContain("3 of the callers' 20 requests failed (GET /health: 500)");
  expect(seen(20, 0, { requests: 10, failed: 3 })).toContain("new version's");
});

test("each binding that is not as declared is named; of a secret only that it is there", () => {
  const declared = [
    { type: "d1", name: "DB", id: "a" },
    { type: "secret_text", name: "API_SECRET", text: "x" },
    { type: "ai", name: "AI" },
  ];
  const found = [
    { type: "d1", name: "DB", id: "b", database_id: "b" },
    { type: "secret_text", name: "API_SECRET" },
    { type: "plain_text", name: "EXTRA", text: "?" },
  ];
  expect(bindingDifferences(declared, found)).toEqual([
    'binding DB has id "b", declared is "a"',
    "binding AI is missing",
    "binding EXTRA is not declared",
  ]);
});
