/** What has served its time goes, what has not stays; a step that fails keeps no other. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DAY_MS } from "../../infra/limits.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { invoked } from "../command/invoked.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
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

  const { stdout, code } = await runCli(["cleanup", "--data", folder, "--json"]);
  expect({ code, due: counts(JSON.parse(stdout)) }).toEqual({ code: 0, due });
  expect(await run("SELECT request_id FROM feedback")).toEqual([["young"]]);
  expect(await run("SELECT id FROM dead_letters")).toEqual([["young"]]);
  expect(await cached()).toEqual(["answer:ends"]);
  await service.platform.vectorize.flush();
  const again = await invoked(cleanup, folder);
  expect(Object.values(counts(again.data)).every((count) => count === 0)).toBe(true);
  expect(again.text).toMatch(/Done: 8 ok, 0 failed\.$/);
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
