/** What `ops restore apply` is about to do: said before it is done. Changes nothing. */
import { z } from "zod";
import { readMigrations } from "../../infra/migration-files.ts";
import { iso } from "../../worker/ground/time.ts";
import { readSummary } from "../backup/manifest.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { damageTold } from "../backup/whole-snapshot.ts";
import { refusal } from "../command/errors.ts";
import { tornIndexes } from "../d1/load.ts";
import { expiredGenerations, nameOf } from "../generation/generations.ts";
import { configured } from "../generation/live.ts";
import { readRecord, wayOn } from "../generation/record.ts";
import { appliedMigrations } from "../migrate/ledger.ts";
import { isFailure } from "../storage/storage.ts";
import { restoreCost } from "./cost.ts";
import type { SnapshotSource } from "./fills.ts";
import { snapshotSchema } from "./load-database.ts";
import { interruptedInPlace } from "./restore-record.ts";
import { type Situation, vectorSpaceOf } from "./situation.ts";

const move = z.strictObject({ from: z.number(), to: z.number() });

export const plannedRestore = z.strictObject({
  stack: z.string(),
  /** `snapshot`: from the repository. `time travel`: the live database is moved back by D1 itself. */
  method: z.enum(["snapshot", "time travel"]),
  in_place: z.boolean(),
  /** Snapshot's id, or Time Travel's bookmark. */
  source: z.string(),
  /** The state that will be there afterwards. */
  state_at: z.iso.datetime(),
  /** What was written since is lost: seconds. */
  rpo_s: z.number(),
  /** In words: what will not be as it is now, or as it was. */
  lost: z.array(z.string()),
  database: move,
  vectors: move,
  /** Generations that go then, because their undo window is over. */
  drops: z.array(z.string()),
  /** What comes back; null where D1 moves the database itself: what it holds then is not known before. */
  tables: z.array(z.strictObject({ name: z.string(), rows: z.number() })).nullable(),
  vector_count: z.number().nullable(),
  config_keys: z.number(),
  objects: z.number(),
  /** Run on the restored database before it takes over, because the deployed Worker needs them. */
  migrations: z.array(z.string()),
  /** To Cloudflare's API. */
  requests: z.number(),
  rows_written: z.number(),
  bytes: z.number().nullable(),
  duration_s: z.number(),
  /** Days that D1's free plan needs for the rows. */
  free_days: z.number(),
  refusals: z.array(z.strictObject({ reason: z.string(), remedy: z.string() })),
});
export type RestorePlan = z.infer<typeof plannedRestore>;

/**
 * The newest snapshot whose state is not after `at_ms`; null when all are.
 * @throws OpsError when there is none at all, or an older one says that it is younger than this one: its state may be of a later moment.
 */
export async function snapshotAt(repository: Repository, at_ms: number): Promise<string | null> {
  const snapshots = await repository.listSnapshots();
  if (snapshots.length === 0) return (await repository.openSnapshot("latest")).info.id;
  for (const [place, { id, counter, finished_ms }] of snapshots.entries()) {
    if (readSummary(await repository.openSnapshot(id)).state_at_ms > at_ms) continue;
    const younger = snapshots.slice(place + 1).find((one) => one.counter < counter && one.started_ms > finished_ms);
    if (younger === undefined) return id;
    throw refusal({
      op: "choose a snapshot",
      subject: `of ${iso(at_ms)}`,
      cause: `${id} says that it was made at ${iso(finished_ms)}, but came after ${younger.id} of ${iso(younger.started_ms)}: a clock was wrong, and its state may be of a later moment`,
      hint: "npm run ops -- backup list shows them in the order in which they came; name the one to take",
    });
  }
  return null;
}

export async function planFromSnapshot(
  situation: Situation,
  repository: Repository,
  source: SnapshotSource,
  in_place: boolean,
): Promise<RestorePlan> {
  const { session, live } = situation;
  const { summary, inventory, body } = source.manifest;
  const { stores } = body;
  const schema = snapshotSchema(source.manifest);
  const indexesOf = (table: string) => schema.indexes.filter(({ sql }) => isOn(sql, table)).length;
  const tables = inventory.database.tables.map(({ name, rows, base_bytes, layer_bytes }) => ({
    name,
    rows,
    bytes: base_bytes + layer_bytes,
    indexes: indexesOf(name),
  }));
  const size = {
    tables,
    definitions: schema.indexes.length + schema.views.length + schema.rebuilt.length + 1,
    vectors: stores?.index.vectors ?? 0,
    dimensions: stores?.index.dimensions ?? 0,
    objects: (inventory.buckets?.vectors.objects.length ?? 0) + (inventory.buckets?.audit.objects.length ?? 0),
    config_keys: stores?.config.keys ?? 0,
    is_local: session.target.stack === "local",
  };
  // What the configuration declares counts, too: a store may be gone.
  const { database, vectors } = await configured(session);
  const next = (live: number, numbers: readonly number[]) => (in_place ? live : Math.max(live, ...numbers) + 1);
  const begun = in_place
    ? await interruptedInPlace(session.bucket, source.snapshot.info.id, session.steady).catch(unlessLost)
    : null;
  const { pending, refusals } = await migrationsFor(situation, source, begun?.needs ?? null);
  return {
    stack: session.target.stack,
    method: "snapshot",
    in_place,
    source: source.snapshot.info.id,
    state_at: new Date(summary.state_at_ms).toISOString(),
    rpo_s: Math.max(0, Math.round((session.now() - summary.state_at_ms) / 1000)),
    lost: losses(live !== null, in_place),
    database: { from: database.live, to: next(database.live, database.generations) },
    vectors: {
      from: vectors.live,
      to: next(
        vectors.live,
        vectors.generations.map(({ generation }) => generation),
      ),
    },
    drops: in_place || live === null ? [] : (await expiredGenerations(session)).map(nameOf),
    tables: tables.map(({ name, rows }) => ({ name, rows })),
    vector_count: size.vectors,
    config_keys: size.config_keys,
    objects: size.objects,
    migrations: pending,
    ...restoreCost(size),
    refusals: [
      ...(await damageOf(repository, source)),
      ...tornIndexes(schema).map((reason) => ({
        reason,
        remedy: "choose an older snapshot: npm run ops -- backup list",
      })),
      ...refusals,
      ...(await refusalsOf(situation, source, in_place && begun === null)),
    ],
  };
}

/** What no restore brings back, and what a restore takes away. */
export function losses(has_live: boolean, in_place: boolean): string[] {
  return [
    "everything written after that state, except what waits behind a write fence",
    "keys that were revoked since work again, and keys made since do not: npm run ops -- keys list",
    "entries of the configuration namespace made since (blocked addresses, incidents) go",
    "queue messages: jobs that were queued in that state stay queued until their documents are sent again",
    ...(in_place ? ["while it runs the service has an incomplete database: put it into maintenance first"] : []),
    ...(has_live ? [] : ["there is no live database, so this cannot be undone; nothing is left to go back to"]),
  ];
}

function isOn(sql: string, table: string): boolean {
  return new RegExp(`\\bON\\s+["'\`[]?${table.replaceAll(/[^\w]/g, "\\$&")}["'\`\\]]?\\s*\\(`, "i").test(sql);
}

/** A bucket that is gone holds no record. */
function unlessLost(error: unknown): null {
  if (!isFailure(error, "missing", "refused")) throw error;
  return null;
}

/** Those that the deployed Worker needs and the snapshot is behind. `needs`: what an interrupted restore in place has written down of them. */
async function migrationsFor({ live }: Situation, { manifest }: SnapshotSource, needs: readonly string[] | null) {
  const newest = manifest.summary.database.migration;
  const known = readMigrations();
  const refusals: RestorePlan["refusals"] = [];
  if (newest === null) return { pending: [], refusals };
  if (!known.some(({ name }) => name === newest)) {
    refusals.push({
      reason: `its schema is newer than this checkout: it ends with migration ${newest}`,
      remedy:
        "deploy the release that it was made with (npm run ops -- deploy --bundle, or a newer checkout), then repeat",
    });
    return { pending: [], refusals };
  }
  const applied = needs ?? (live === null ? null : await appliedMigrations(live.connection));
  const pending = known
    .filter(({ name, phase }) => name > newest && (applied === null ? phase === "expand" : applied.includes(name)))
    .map(({ name }) => name);
  return { pending, refusals };
}

/** What is seen without reading a part: that one is missing or cut off. */
async function damageOf(repository: Repository, { snapshot }: SnapshotSource): Promise<RestorePlan["refusals"]> {
  const { id } = snapshot.info;
  const { findings } = await repository.verifyData(0, { only: id });
  const told = await damageTold(repository, id, findings);
  return told === null ? [] : [{ reason: `${told.object} ${told.cause}`, remedy: told.remedy }];
}

async function refusalsOf(
  { session, live, vector_space }: Situation,
  { snapshot, manifest }: SnapshotSource,
  in_place: boolean,
): Promise<RestorePlan["refusals"]> {
  const refusals: RestorePlan["refusals"] = [];
  const { stores } = manifest.body;
  if (stores === null) {
    refusals.push({
      reason: "it holds a database alone, without the vectors that its rows name",
      remedy: "choose a snapshot that npm run ops -- backup create made of a stack",
    });
    return refusals;
  }
  const version = await snapshot.readPart(stores.worker.version);
  const { data } = versionPart.safeParse(JSON.parse(Buffer.from(version).toString()));
  const space = vectorSpaceOf(data?.bindings ?? []);
  if (space !== null && vector_space !== null && space !== vector_space) {
    refusals.push({
      reason: `its vectors were made by ${space}, and the deployed Worker asks with ${vector_space}`,
      remedy: `set EMBEDDING_MODEL and EMBEDDING_PASSAGE_PREFIX in prism:variables to what they were and deploy, then repeat; or restore then and rebuild the index with the other model`,
    });
  }
  const { missing } = stores.index.packs;
  if (missing.length > 0) {
    refusals.push({
      reason: `${missing.length} vector packs that its rows name were lost before it was made, ${missing[0]} is one`,
      remedy: "choose an older snapshot: npm run ops -- backup list",
    });
  }
  if (in_place && live === null) {
    refusals.push({ reason: "there is no live database to restore in place", remedy: "repeat it without --in-place" });
  }
  const underWay = await readRecord(session.bucket, session.signal).catch(() => null);
  const id = `snapshot ${snapshot.info.id}`;
  if (live !== null && underWay !== null && underWay.value.database?.fill !== id) {
    refusals.push({
      reason: "another switch of generations was interrupted",
      remedy: `${wayOn(underWay.value)} ends it, npm run ops -- generation cancel gives it up`,
    });
  }
  return refusals;
}

const versionPart = z.object({ bindings: z.array(z.looseObject({ name: z.string(), text: z.string().optional() })) });
