/** Callers write without a pause while backups run: each snapshot is a state that was, and no caller notices. */
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checks } from "../../d1/nasty-database.fixture.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { loadDatabase } from "../../restore/load-database.ts";
import { readManifest } from "../manifest.ts";
import { StackRig } from "./stack-rig.fixture.ts";

const LANES = 3;
/** Documents that a lane writes in turn: a state that was has consecutive numbers in them, however many there are. */
const DOCUMENTS = 4;
/** Numbers that each lane writes before the first backup, to compare with. */
const WARM_UP = 40;
let rig: StackRig;
beforeAll(async () => {
  rig = await StackRig.start();
});
afterAll(() => rig.close());

/** Each lane waits for its answer before it writes the next number. */
function hammer() {
  const failed: string[] = [];
  const numbers = Array.from({ length: LANES }, () => 0);
  const latencies_ms: number[] = [];
  let stopped = false;
  const lanes = numbers.map(async (_, lane) => {
    while (!stopped) {
      const number = (numbers[lane] ?? 0) + 1;
      const began_ms = performance.now();
      const { status, text } = await rig.service.call("PUT", `/api/v1/documents/${lane}-${number % DOCUMENTS}`, {
        text: `Lane ${lane} wrote number ${number}.`,
      });
      latencies_ms.push(performance.now() - began_ms);
      // 202 would mean that the write was put off.
      if (status !== 200 && status !== 201) failed.push(`${status}: ${text}`);
      numbers[lane] = number;
    }
  });
  return {
    /** How long the writes took that were answered since this was asked last. */
    since() {
      const sorted = latencies_ms.splice(0).toSorted((a, b) => a - b);
      return { writes: sorted.length, p50_ms: sorted[Math.floor(sorted.length / 2)] ?? 0, max_ms: sorted.at(-1) ?? 0 };
    },
    /** The number that each lane was last told is written. */
    written: () => [...numbers],
    async stop() {
      stopped = true;
      await Promise.all(lanes);
      return failed;
    },
  };
}

function latency({ p50_ms, max_ms }: { p50_ms: number; max_ms: number }): string {
  return `p50 ${Math.round(p50_ms)} ms, the longest ${Math.round(max_ms)} ms`;
}

async function restored(id: string): Promise<DatabaseSync> {
  const database = new DatabaseSync(":memory:");
  await rig.repository(async (repository) => {
    const snapshot = await repository.openSnapshot(id);
    const hooks = { signal: new AbortController().signal };
    await loadDatabase(snapshot, await readManifest(snapshot), sqliteD1(database), hooks);
  });
  return database;
}

test("every snapshot that is made under fire is a state that was, and no write fails or is put off", {
  timeout: 180_000,
}, async () => {
  const fire = hammer();
  while (Math.min(...fire.written()) < WARM_UP) await rig.service.call("GET", "/health/live");
  const alone = fire.since();
  const made: { id: string; from: number[]; to: number[] }[] = [];
  for (const expected of ["full", "incremental", "incremental"]) {
    const from = fire.written();
    const { snapshot, summary } = await rig.done("backup", "create");
    expect(summary.kind).toBe(expected);
    made.push({ id: snapshot.id, from, to: fire.written() });
  }
  const beside = fire.since();
  const failed = await fire.stop();
  expect(failed).toEqual([]);
  for (const { id, from, to } of made) {
    const database = await restored(id);
    expect(checks(database)).toEqual(["ok"]);
    for (let lane = 0; lane < LANES; lane += 1) {
      const found = database
        .prepare(
          "SELECT c.text FROM chunks c JOIN documents d ON d.id = c.document_id WHERE c.text LIKE ? ORDER BY c.id",
        )
        .all(`%Lane ${lane} wrote%`);
      const numbers = found.map(({ text }) => Number(/number (\d+)/.exec(String(text))?.[1])).sort((a, b) => a - b);
      const last = numbers.at(-1) ?? 0;
      expect(numbers).toEqual(Array.from({ length: DOCUMENTS }, (_, index) => last - DOCUMENTS + 1 + index));
      // Not older than what was answered before the backup began, nor newer than its end (and the write under way then).
      expect(last).toBeGreaterThanOrEqual(from[lane] ?? 0);
      expect(last).toBeLessThanOrEqual((to[lane] ?? 0) + 1);
    }
    const matches = database.prepare("SELECT count(*) AS found FROM chunks_fts WHERE chunks_fts MATCH 'wrote'").get();
    expect(matches).toEqual({ found: LANES * DOCUMENTS });
    database.close();
  }
  console.log(
    `${beside.writes} writes beside ${made.length} backups: ${failed.length} failed or put off; ${latency(beside)}; without a backup ${latency(alone)}`,
  );
});
