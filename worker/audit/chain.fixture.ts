/** The rule of the audit chain, tried on a chain of any length. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { AuditEntry } from "../ground/audit-entry.ts";
import { type ChainedEntry, chained, GENESIS, type Head, verifyChain } from "./chain.ts";

export const entryOf = (id: number): AuditEntry => ({
  id: `entry-${id}`,
  at_ms: 1_000 + id,
  source: id % 3 === 0 ? "ops" : "service",
  actor: "alice",
  key_id: "bootstrap",
  action: "keys.create",
  outcome: "done",
  subject: `s${id}`,
  detail: { n: id, "10": null, "9": [id, "é"] },
});

async function chainOf(entries: readonly AuditEntry[]): Promise<ChainedEntry[]> {
  const chain: ChainedEntry[] = [];
  for (const entry of entries) chain.push(await chained(entry, chain.at(-1) ?? GENESIS, entry.at_ms + 5));
  return chain;
}

/** Tests that any one change of a chain of `length` entries is named; each run hashes up to all of them anew. */
export function changesAreNamed(length: number, numRuns: number): void {
  let chain: ChainedEntry[] = [];
  let anchor: Head = GENESIS;
  beforeAll(async () => {
    chain = await chainOf(Array.from({ length: length }, (_, id) => entryOf(id)));
    anchor = chain.at(-1) ?? GENESIS;
  });

  /** What is found in a whole chain of which the anchor is known: the place of the first bad entry, or null. */
  async function firstBad(entries: readonly ChainedEntry[]): Promise<number | null> {
    const { head, flaw } = await verifyChain(entries, GENESIS);
    if (flaw !== null) return flaw.seq;
    return head.hash === anchor.hash ? null : head.seq + 1;
  }

  test("a chain as it was written is whole, page by page as at once", async () => {
    expect(await firstBad(chain)).toBeNull();
    let head = GENESIS;
    for (let from = 0; from < length; from += 777) {
      const verified = await verifyChain(chain.slice(from, from + 777), head);
      expect(verified.flaw).toBeNull();
      head = verified.head;
    }
    expect(head).toEqual({ seq: length, hash: anchor.hash });
  });

  const place = fc.integer({ min: 0, max: length - 1 });

  test("an altered entry is named, whichever and whatever of it was altered", async () => {
    const change = fc.constantFrom<Partial<ChainedEntry>>(
      { actor: "mallory" },
      { at_ms: 0 },
      { chained_at_ms: 0 },
      { detail: "{}" },
      { outcome: "refused" },
      { key_id: "other" },
      { subject: "other" },
      { action: "other" },
      { entry_id: "entry-other" },
      { source: "ops", actor: "x" },
      { hash: "f".repeat(64) },
      { prev_hash: "f".repeat(64) },
    );
    await fc.assert(
      fc.asyncProperty(place, change, async (at, changed) => {
        expect(await firstBad(chain.map((entry, index) => (index === at ? { ...entry, ...changed } : entry)))).toBe(
          at + 1,
        );
      }),
      { numRuns },
    );
  });

  test("a deleted entry is named, the last one by the anchor", async () => {
    const anyOrLast = fc.oneof(place, fc.constant(length - 1));
    await fc.assert(
      fc.asyncProperty(anyOrLast, async (at) => {
        expect(await firstBad(chain.filter((_, index) => index !== at))).toBe(at + 1);
      }),
      { numRuns },
    );
  });

  test("an inserted entry is named, also one that was chained to the entry before it", async () => {
    await fc.assert(
      fc.asyncProperty(place, async (at) => {
        const forged = await chained(entryOf(length + 1), chain[at - 1] ?? GENESIS, 0);
        expect(await firstBad(chain.toSpliced(at, 0, forged))).toBe(at + 1);
      }),
      { numRuns },
    );
  });

  test("entries in another order are named where the order first differs", async () => {
    await fc.assert(
      fc.asyncProperty(place, place, async (one, other) => {
        fc.pre(one !== other);
        const moved = chain.toSpliced(one, 1);
        moved.splice(other, 0, chain[one] as ChainedEntry);
        expect(await firstBad(moved)).toBe(Math.min(one, other) + 1);
      }),
      { numRuns },
    );
  });

  test("an entry that is chained anew breaks the one after it, or the anchor", async () => {
    await fc.assert(
      fc.asyncProperty(place, async (at) => {
        const forged = await chained({ ...entryOf(at), actor: "mallory" }, chain[at - 1] ?? GENESIS, 0);
        expect(await firstBad(chain.with(at, forged))).toBe(at + 2);
      }),
      { numRuns },
    );
  });
}
