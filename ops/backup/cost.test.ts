import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";

let dir: string;
let service: Service;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-cost-"));
  service = await startService({ data_dir: dir });
});
afterAll(async () => {
  await service.close();
  await rm(dir, { recursive: true });
});

async function create() {
  const place = ["--repository", join(dir, "vault"), "--data", dir, "--json"];
  const { stdout } = await runCommand(["backup", "create", ...place]);
  const { plan, summary, snapshot } = JSON.parse(stdout);
  return { plan, cost: summary.cost, rows: summary.database.rows, plain_bytes: snapshot.plain_bytes };
}

/** So many documents, with a dozen chunks each. */
async function put(documents: number, word: string): Promise<void> {
  const text = Array.from(
    { length: 12 },
    (_, at) => `# Part ${at}\n\n${`The ${word} of part ${at} flows. `.repeat(30)}`,
  );
  for (let id = 0; id < documents; id += 1) {
    const { status } = await service.call("PUT", `/api/v1/documents/d${id}`, { text: `${id} ${text.join("\n\n")}` });
    expect([200, 201]).toContain(status);
  }
}

/** A tenth more or less; of requests, a few that may be needed or not. */
function expectNear(planned: number, found: number, few = 0): void {
  expect(Math.abs(planned - found)).toBeLessThanOrEqual(Math.max(found / 10, few));
}

test("an increment reads what changed and not the log anew for each table, and a plan says what it comes to", {
  timeout: 120_000,
}, async () => {
  await put(60, "water");
  const first = await create();
  // The schema and the keys of the packs are read whole by every backup.
  const fixed = first.cost.rows_read - first.rows;
  await put(30, "oil");
  const second = await create();
  // An entry of the log, and the row that it names: three for a key that is looked up.
  expect(second.cost.rows_read).toBeLessThan(fixed + 4 * second.plan.changes);
  expect(second.cost.rows_read).toBeLessThan(fixed + 5 * second.rows);
  for (const { plan, cost } of [first, second]) {
    expectNear(plan.rows_read, cost.rows_read);
    expectNear(plan.requests, cost.requests, 3);
  }
  // Half of the documents are others now, with as many chunks and vectors; that the old chunks are gone is read without a byte.
  const stored = ({ bytes, worker_bytes }: typeof first.plan) => bytes - worker_bytes;
  expectNear(stored(second.plan), stored(first.plan) / 2);
  // What a snapshot holds, the Worker with it, was to be read.
  expectNear(first.plan.bytes, first.plain_bytes);
  // A version of the Worker never changes: the same one is read once.
  expect(first.plan.worker_bytes).toBeGreaterThan(100_000);
  expect(second.plan.worker_bytes).toBe(0);
});
