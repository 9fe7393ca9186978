import fc from "fast-check";
import { expect, test } from "vitest";
import { entryOf } from "../../worker/audit/chain.fixture.ts";
import { type ChainedEntry, chained, GENESIS, type Head } from "../../worker/audit/chain.ts";
import { segmentOf } from "../../worker/audit/segment.ts";
import { type Anchor, verifyLog } from "./verify-log.ts";

async function chainOf(
  length: number,
  head: Head = GENESIS,
  action = "deploy",
  at_ms = 1_000,
): Promise<ChainedEntry[]> {
  const chain: ChainedEntry[] = [];
  for (let id = head.seq; id < head.seq + length; id++)
    chain.push(await chained({ ...entryOf(id), action, at_ms }, chain.at(-1) ?? head, at_ms));
  return chain;
}

const archived = (...parts: ChainedEntry[][]) => parts.map((entries) => ({ segment: segmentOf(entries), entries }));
async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}
const verify = (archive: ReturnType<typeof archived>, database: ChainedEntry[], heads: Anchor[] = []) =>
  verifyLog(
    each(archive.toSorted((a, b) => (a.segment.key < b.segment.key ? -1 : 1))),
    each([database.slice(0, 3), database.slice(3)]),
    heads,
  );
const anchor = (entry: ChainedEntry | undefined): Anchor => ({
  seq: entry?.seq ?? 0,
  hash: entry?.hash ?? "",
  from: "snapshot",
  at_ms: 0,
});

const chain = await chainOf(12);
const segments = [chain.slice(0, 4), chain.slice(4, 6), chain.slice(6, 9)];
/** The first four have left the database. */
const database = chain.slice(4);

test("a log is whole where the archive, the database and every backup agree", async () => {
  const { findings, head, entries } = await verify(archived(...segments), database, [
    anchor(chain[2]),
    anchor(chain[10]),
  ]);
  expect(findings).toEqual([]);
  expect(head.seq).toBe(12);
  expect(entries).toEqual({ archive: 9, database: 8 });
});

test("whatever is done to one archived entry is found at it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(8), fc.constantFrom("alter", "delete"), async (at, how) => {
      const changed = segments.map((segment) =>
        how === "delete"
          ? segment.filter((entry) => entry !== chain[at])
          : segment.map((entry) => (entry === chain[at] ? { ...entry, actor: "mallory" } : entry)),
      );
      const keyed = segments.map((segment, index) => ({ segment: segmentOf(segment), entries: changed[index] ?? [] }));
      const { findings } = await verify(keyed, database);
      const segment = segments.find((entries) => entries.includes(chain[at] as ChainedEntry)) ?? [];
      // The ends of a segment are in its key: without them it is not the object that was written.
      const isEnd = how === "delete" && (at + 1 === segment[0]?.seq || at + 1 === segment.at(-1)?.seq);
      expect(findings[0]?.seq).toBe(isEnd ? segment[0]?.seq : at + 1);
    }),
    { numRuns: 40 },
  );
});

test("a segment that is gone is told by the one after it, or by the database", async () => {
  const [one = [], two = [], three = []] = segments;
  expect((await verify(archived(two, three), database)).findings[0]).toMatchObject({ seq: 1, reason: "missing" });
  expect((await verify(archived(one, three), chain.slice(6))).findings[0]).toMatchObject({ seq: 5, reason: "missing" });
  expect((await verify(archived(one, two), chain.slice(9))).findings[0]).toMatchObject({ seq: 9, reason: "missing" });
});

test("a tail that was cut off is told by what has seen it: the archive, or a backup alone", async () => {
  const archive = archived(...segments);
  expect((await verify(archive, chain.slice(4, 8))).findings).toMatchObject([
    { where: "archive", seq: 9, reason: "missing" },
  ]);
  const { findings } = await verify(archive, chain.slice(4, 10), [anchor(chain[11])]);
  expect(findings).toMatchObject([{ where: "backup", seq: 11, reason: "missing" }]);
});

test("what a restore went back behind is explained by its entry, and a log that was written anew is not", async () => {
  for (const [action, explained_by] of [
    ["restore apply", 7],
    ["deploy", null],
  ] as const) {
    const branch = await chainOf(4, chain[5], action, 2_000);
    const { findings } = await verify(archived(...segments, branch.slice(0, 2)), [...chain.slice(4, 6), ...branch]);
    expect(findings).toMatchObject([{ where: "archive", seq: 9, reason: "differs from its anchor", explained_by }]);
  }
});
