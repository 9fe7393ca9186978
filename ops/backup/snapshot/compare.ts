/** What changed between two snapshots. Rows are compared by their hashes, so no row is read. */
import { z } from "zod";
import { DIFF_KEYS_MAX } from "../../limits.ts";
import type { BucketSummary, SnapshotManifest, TableSummary } from "../manifest.ts";
import type { Snapshot } from "../repository/repository.ts";
import { findRowHashes, type KeyHash, keyHashesIn } from "./row-hashes.ts";

/** Of rows or objects; null where nothing is counted. */
const count = z.int().nullable();

export const storeChange = z.strictObject({
  store: z.enum(["table", "definition", "objects", "stack"]),
  name: z.string(),
  change: z.enum(["same", "changed", "added", "removed"]),
  before: count,
  after: count,
  added: count,
  removed: count,
  replaced: count,
});
type StoreChange = z.infer<typeof storeChange>;

/** A snapshot with what it says of itself. */
type Described = SnapshotManifest & { snapshot: Snapshot };

/** @throws OpsError when a part is missing or damaged. */
export async function compareManifests(before: Described, after: Described): Promise<StoreChange[]> {
  const changes: StoreChange[] = [];
  const tables = pairs(before.inventory.database.tables, after.inventory.database.tables, ({ name }) => name);
  for (const [name, [was, is]] of tables) {
    const counted =
      was && is && was.digest !== is.digest ? await countRows(before.snapshot, was, after.snapshot, is) : NONE;
    changes.push({
      store: "table",
      name,
      change: changeOf(was, is, (one, other) => one.digest === other.digest),
      before: was?.rows ?? null,
      after: is?.rows ?? null,
      ...counted,
    });
  }
  const definitions = pairs(definitionsOf(before), definitionsOf(after), ({ name }) => name);
  for (const [name, [was, is]] of definitions) {
    const change = changeOf(was, is, (one, other) => one.sql === other.sql);
    if (change !== "same") changes.push({ store: "definition", name, change, before: null, after: null, ...NONE });
  }
  for (const bucket of ["vectors", "audit"] as const) {
    const was = before.inventory.buckets?.[bucket];
    const is = after.inventory.buckets?.[bucket];
    if (was && is) changes.push(objectChange(bucket, was, is));
  }
  return [...changes, ...stackChanges(before, after)];
}

const NONE = { added: null, removed: null, replaced: null };

async function countRows(older: Snapshot, was: TableSummary, newer: Snapshot, is: TableSummary) {
  const shared = new Set(was.hashes.filter((id) => is.hashes.includes(id)));
  const wanted = new Set<KeyHash>();
  for (const [snapshot, { hashes }] of [[older, was] as const, [newer, is] as const]) {
    if (hashes.length === 0) return NONE;
    for (const id of hashes.filter((one) => !shared.has(one))) {
      for (const key of keyHashesIn(await snapshot.readPart(id))) wanted.add(key);
      if (wanted.size > DIFF_KEYS_MAX) return NONE;
    }
  }
  const old = await findRowHashes(partsOf(older, was), wanted);
  const now = await findRowHashes(partsOf(newer, is), wanted);
  const counts = { added: 0, removed: 0, replaced: 0 };
  for (const key of wanted) {
    const [one, other] = [old.get(key), now.get(key)];
    if (one && other) counts.replaced += one.equals(other) ? 0 : 1;
    else if (one) counts.removed += 1;
    else if (other) counts.added += 1;
  }
  return counts;
}

async function* partsOf(snapshot: Snapshot, { hashes }: TableSummary): AsyncGenerator<Uint8Array> {
  for (const id of hashes) yield await snapshot.readPart(id);
}

function definitionsOf({ body }: Described): { name: string; sql: string }[] {
  const { tables, virtual_tables, indexes, views, triggers } = body.database.schema;
  return [...tables, ...virtual_tables, ...indexes, ...views, ...triggers];
}

function objectChange(name: string, was: BucketSummary, is: BucketSummary): StoreChange {
  const counts = { added: 0, removed: 0, replaced: 0 };
  for (const [, [one, other]] of pairs(was.objects, is.objects, ([key]) => key)) {
    if (one && other) counts.replaced += one[1] === other[1] ? 0 : 1;
    else if (one) counts.removed += 1;
    else counts.added += 1;
  }
  const isSame = counts.added + counts.removed + counts.replaced === 0;
  const sizes = { before: was.objects.length, after: is.objects.length };
  return { store: "objects", name, change: isSame ? "same" : "changed", ...sizes, ...counts };
}

function stackChanges(before: Described, after: Described): StoreChange[] {
  const [was, is] = [before.body.stores, after.body.stores];
  if (!was || !is) return [];
  const compare = (name: string, isSame: boolean, counts = { before: null, after: null } as Counts): StoreChange => ({
    store: "stack",
    name,
    change: isSame ? "same" : "changed",
    ...counts,
    ...NONE,
  });
  return [
    compare("configuration", was.config.part === is.config.part, { before: was.config.keys, after: is.config.keys }),
    compare("vector index", sameSetUp(was.index, is.index), { before: was.index.vectors, after: is.index.vectors }),
    compare("Worker", was.worker.version_id === is.worker.version_id),
    compare("secret names", was.worker.secret_names.join() === is.worker.secret_names.join()),
    compare("generations", JSON.stringify([was.database, was.vectors]) === JSON.stringify([is.database, is.vectors])),
  ];
}
type Counts = Pick<StoreChange, "before" | "after">;
type Index = NonNullable<Described["body"]["stores"]>["index"];

function sameSetUp(was: Index, is: Index): boolean {
  const setUp = ({ name, dimensions, metric, metadata_indexes, vectors }: Index) =>
    JSON.stringify([name, dimensions, metric, metadata_indexes, vectors]);
  return setUp(was) === setUp(is);
}

function changeOf<T>(was: T | undefined, is: T | undefined, isSame: (was: T, is: T) => boolean): StoreChange["change"] {
  if (was === undefined) return "added";
  if (is === undefined) return "removed";
  return isSame(was, is) ? "same" : "changed";
}

function pairs<T>(before: readonly T[], after: readonly T[], nameOf: (one: T) => string) {
  const all = new Map<string, [T | undefined, T | undefined]>();
  for (const one of before) all.set(nameOf(one), [one, undefined]);
  for (const one of after) all.set(nameOf(one), [all.get(nameOf(one))?.[0], one]);
  return all;
}
