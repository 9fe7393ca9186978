/** What has served its time goes, what has not stays; a step that fails keeps no other; what the index holds and no row names goes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DAY_MS } from "../../infra/limits.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { invoked } from "../command/invoked.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import type { JsonValue } from "../d1/connection.ts";
import { VectorIndex } from "../generation/vector-index.ts";
import { VACUUM_ROWS_PER_STATEMENT } from "../limits.ts";
import { liveStack } from "../restore/stack-state.fixture.ts";
import { cleanup } from "./cleanup.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-cleanup-"));
let service: Service;
let stack: Awaited<ReturnType<typeof liveStack>>;
beforeAll(async () => {
  service = await startService({ data_dir: folder });
  stack = await liveStack(service.platform, folder);
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

const QUERY = "how does a harbour pilot board a ship";
const run = async (sql: string, ...params: JsonValue[]) => (await stack.database.batch([{ sql, params }]))[0]?.rows;
const counts = ({ steps }: { steps: { what: string; count: number }[] }) =>
  Object.fromEntries(steps.map(({ what, count }) => [what, count]));
const cached = async () => {
  const names: string[] = [];
  const { account_id } = stack;
  for await (const { name } of stack.api.kv.namespaces.keys.list(stack.resources.kv.cache, { account_id }))
    names.push(name);
  return names;
};

test("old records, expired rows, orphans and endless cache entries go, in batches; what is young stays", async () => {
  const [old, young] = [Date.now() - 91 * DAY_MS, Date.now() - 89 * DAY_MS];
  const many = VACUUM_ROWS_PER_STATEMENT + 7;
  await run(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO feedback SELECT 'r' || i, 'key', 'default', 3, NULL, ?2 FROM n`,
    many,
    old,
  );
  await run("INSERT INTO feedback VALUES ('young', 'key', 'default', 5, NULL, ?1)", young);
  await run("INSERT INTO dead_letters VALUES ('old', 'q', '{}', 3, ?1), ('young', 'q', '{}', 3, ?2)", old, young);
  await run("INSERT INTO idempotency VALUES ('key', 'old', '', 200, '', ?1)", old);
  await run("INSERT INTO jobs VALUES ('old', 'default', 1, 1, ?1)", old);
  await run("INSERT INTO job_parts VALUES ('old', 0, 'done', '{}', ?1)", old);
  const { dimensions } = stack.resources.vectors.generations[0] ?? { dimensions: 0 };
  await new VectorIndex(stack, stack.index).upsert([
    { id: "stray", values: new Float32Array(dimensions).fill(1), namespace: "default", metadata: {} },
  ]);
  await service.platform.vectorize.flush();
  await stack.api.kv.namespaces.bulkUpdate(stack.resources.kv.cache, {
    account_id: stack.account_id,
    body: [
      { key: "answer:endless", value: "{}" },
      { key: "answer:ends", value: "{}", expiration_ttl: 3600 },
    ],
  });
  const due = {
    "expired answers": 1,
    "finished jobs": 2,
    "change log": 0,
    "old ratings": many,
    "old dead letters": 1,
    packs: 0,
    vectors: 1,
    "cache entries": 1,
  };
  const planned = await invoked(cleanup, folder, {}, { dry_run: true });
  expect(counts(planned.data)).toEqual(due);
  expect(await run("SELECT count(*) FROM feedback")).toEqual([[many + 1]]);

  const { stdout, code } = await runCommand(["cleanup", "--data", folder, "--json"]);
  expect({ code, due: counts(JSON.parse(stdout)) }).toEqual({ code: 0, due });
  expect(await run("SELECT request_id FROM feedback")).toEqual([["young"]]);
  expect(await run("SELECT id FROM dead_letters")).toEqual([["young"]]);
  expect(await cached()).toEqual(["answer:ends"]);
  await service.platform.vectorize.flush();
  const again = await invoked(cleanup, folder);
  expect(Object.values(counts(again.data)).every((count) => count === 0)).toBe(true);
  expect(again.text).toMatch(/Done: 8 ok, 0 failed\.$/);
});

async function put(id: string, text: string): Promise<void> {
  const { status } = await service.call("PUT", `/api/v1/documents/${id}`, { text });
  if (status >= 300) throw new Error(`${id}: ${status}`);
}

async function indexed(): Promise<string[]> {
  await service.platform.vectorize.flush();
  return [...(await index().ids())].sort();
}

async function chunks(): Promise<string[]> {
  const [found] = await stack.database.batch([{ sql: "SELECT id FROM chunks" }]);
  return (found?.rows ?? []).map(([id]) => String(id)).sort();
}

async function found(): Promise<string[]> {
  const { json } = await service.call("POST", "/api/v1/search", { query: QUERY, mode: "vector" });
  return json.results.map((hit: { document_id: string }) => hit.document_id);
}

const index = () => new VectorIndex(stack, stack.index);

/** Vectors as near to the query as any can be, that no chunk has. */
async function addStrays(ids: readonly string[]): Promise<void> {
  await put("bait", QUERY);
  const [bait = ""] = (await indexed()).filter((id) => !before.includes(id));
  const [{ values = [] } = {}] = await index().get([bait]);
  expect((await service.call("DELETE", "/api/v1/documents/bait")).status).toBe(204);
  await index().upsert(
    ids.map((id) => ({ id, values: Float32Array.from(values), namespace: "default", metadata: {} })),
  );
}

let before: string[];
test("vectors that no chunk has go while others write, those that the outbox names stay, and living matches are found again", async () => {
  await put("living", "A pilot boards a ship outside the harbour, from a small boat and by a ladder.");
  before = await indexed();
  // As many as Vectorize gives back at most, a name that is no number, and another spelling of a living chunk's id.
  const strays = [...Array.from({ length: 120 }, (_, at) => String(700_000 + at)), "stray", `0${before[0]}`];
  await addStrays([...strays, "900000", "900001"]);
  const owed = (id: string, upserts: string, deletes: string) =>
    `INSERT INTO vector_outbox VALUES ('${id}', 'default', '${upserts}', '${deletes}', ${Date.now()})`;
  await stack.database.batch([{ sql: owed("up", "[900000]", "[]") }, { sql: owed("down", "[]", "[900001]") }]);
  expect(await indexed()).toHaveLength(before.length + strays.length + 2);
  expect(await found()).toEqual([]);

  const planned = await invoked(cleanup, folder, {}, { dry_run: true });
  expect(counts(planned.data).vectors).toBe(strays.length);
  expect(await indexed()).toHaveLength(before.length + strays.length + 2);

  let isOver = false;
  const writer = (async () => {
    for (let at = 0; !isOver; at += 1) await put(`tides-${at}`, `Tide table number ${at} of the harbour.`);
  })();
  const report = await invoked(cleanup, folder).finally(() => {
    isOver = true;
  });
  await writer;
  expect(counts(report.data).vectors).toBe(strays.length);
  expect(await indexed()).toEqual([...(await chunks()), "900000", "900001"].sort());
  expect(await found()).toContain("living");
});

test("a step that fails is told, and the others are done", async () => {
  await run("INSERT INTO dead_letters VALUES ('late', 'q', '{}', 3, 1)");
  await run("ALTER TABLE feedback RENAME TO elsewhere");
  const { data, exit_code, text } = await invoked(cleanup, folder);
  await run("ALTER TABLE elsewhere RENAME TO feedback");
  expect(exit_code).toBe(4);
  expect(text).toMatch(/Done: 7 ok, 1 failed\.$/);
  const failed = data.steps.filter(({ failure }: { failure: string | null }) => failure !== null);
  expect(failed).toMatchObject([{ what: "old ratings", failure: expect.stringContaining("no such table: feedback") }]);
  expect(counts(data)).toMatchObject({ "old dead letters": 1 });
});
