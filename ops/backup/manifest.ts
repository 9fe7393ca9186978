/**
 * What a snapshot says about itself. `docs/snapshot-format.md` describes it for whoever has no such code.
 *
 * Three documents: the summary is small and in every listing; the inventory, a part, is what the next snapshot continues from
 * (names, counts, hashes and ids of parts, no content); the body is what a restore needs besides. `readManifest` gives all.
 */
import { z } from "zod";
import { refusal } from "../command/errors.ts";
import type { Snapshot } from "./repository/repository.ts";

/** Grows when an older reader would misunderstand. */
export const SNAPSHOT_FORMAT = 1;

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const partId = hex(64);
const time_ms = z.int();

export const tableSummary = z.strictObject({
  name: z.string(),
  /** Hash of what a row's encoding depends on: columns and key. A change of it means a full copy of the table. */
  shape: hex(64),
  /** Names of columns in the order of a row's cells. A hidden rowid key comes first, named by `key`. */
  columns: z.array(z.string()),
  key: z.array(z.string()),
  rows: z.int().min(0),
  /** Of all rows, as `TableHash` of `ops/d1/table-hash.ts` has it. */
  digest: hex(64),
  /**
   * `exact`: as it was at `state_at_ms`, to the transaction. `scanned`: the table has no change log and was too big for the
   * last transaction; rows changed while it was read may be of different moments.
   */
  consistency: z.enum(["exact", "scanned"]),
  /** Whether rows came in the order of `compareKeys`: only then can layers be merged, else each snapshot copies it whole. */
  ordered: z.boolean(),
  /** Parts of all rows as they were when the table was last copied whole, in key order. */
  base: z.array(partId),
  /** Changes since, oldest first; each layer's parts are in key order. A later layer overrides an earlier one. */
  layers: z.array(z.array(partId)),
  /** Parts of row hashes: of the base, then of each layer. */
  hashes: z.array(partId),
  /** Sizes of the plain bytes, which decide when the table is copied whole again. */
  base_bytes: z.int().min(0),
  layer_bytes: z.int().min(0),
});
export type TableSummary = z.infer<typeof tableSummary>;

/** Objects of a bucket. Bytes of several lie in one part, one after the other. */
const bucketSummary = z.strictObject({
  bucket: z.string(),
  parts: z.array(partId),
  /** Key, etag, size in bytes, index into `parts`, offset there in bytes. */
  objects: z.array(z.tuple([z.string(), z.string(), z.int().min(0), z.int().min(0), z.int().min(0)])),
});
export type BucketSummary = z.infer<typeof bucketSummary>;

const deployedWorker = z.strictObject({
  name: z.string(),
  version_id: z.string(),
  /** Part of JSON as the API gave it: modules with base64 content, bindings, compatibility. */
  version: partId,
  secret_names: z.array(z.string()),
});

export const snapshotSummary = z.strictObject({
  format: z.literal(SNAPSHOT_FORMAT),
  stack: z.string(),
  kind: z.enum(["full", "incremental"]),
  /** The snapshot whose rows an incremental one continues; null for a full one. */
  base: z.string().nullable(),
  /** Why the database was read in full; null for an incremental one. */
  full_because: z.string().nullable(),
  /** By this machine's clock: everything that the database had answered before this moment is in the snapshot. */
  state_at_ms: time_ms,
  started_at_ms: time_ms,
  database: z.strictObject({
    id: z.string(),
    name: z.string(),
    /** The last migration applied; null where none is recorded. */
    migration: z.string().nullable(),
    /** Time Travel bookmark, taken right after the state. */
    bookmark: z.string().nullable(),
    rows: z.int().min(0),
    /** The newest entry of the audit log, an anchor outside of it; null where there is none, or the snapshot is from before there was one. */
    audit_head: z
      .strictObject({ seq: z.int().min(1), hash: hex(64) })
      .nullable()
      .default(null),
  }),
  /** The part that holds the inventory. */
  inventory: partId,
  /** What it cost. */
  cost: z.strictObject({
    requests: z.int(),
    rows_read: z.int(),
    rows_written: z.int(),
    duration_ms: z.int(),
  }),
});
export type SnapshotSummary = z.infer<typeof snapshotSummary>;

/** Tables that are left out on purpose. */
export const leftOut = z.array(z.strictObject({ name: z.string(), reason: z.string() }));

const inventory = z.strictObject({
  format: z.literal(SNAPSHOT_FORMAT),
  database: z.strictObject({
    /** The row that the snapshot left in `backup_marks`; null where the database has no such table. */
    mark: z.string().nullable(),
    /** Number of the last entry of the change log in this state; null where there is no log. */
    log_seq: z.int().nullable(),
    /** SHA-256 over every definition. */
    schema: hex(64),
    tables: z.array(tableSummary),
    left_out: leftOut,
    /** Ids of chunks that have a vector, as runs: so many left out, so many that follow, and so on. Null: no such table. */
    vector_ids: z.array(z.int().min(0)).nullable(),
  }),
  buckets: z.strictObject({ vectors: bucketSummary, audit: bucketSummary }).nullable(),
  /** As the body has it. Null without stores, and in snapshots from before it was kept here. */
  worker: deployedWorker.nullable().default(null),
});
export type SnapshotInventory = z.infer<typeof inventory>;

const definition = z.object({ name: z.string(), sql: z.string() });
const definitions = z.array(definition);
const orphans = z.strictObject({ count: z.int(), ids: z.array(z.string()) });

export const snapshotBody = z.strictObject({
  format: z.literal(SNAPSHOT_FORMAT),
  database: z.strictObject({
    /** Definitions in the order in which they can be replayed; tables that are left out are among them. */
    schema: z.object({
      tables: z.array(
        definition.extend({
          columns: z.array(z.object({ name: z.string(), is_textual: z.boolean() })),
          key: z.array(z.string()),
          foreign_keys: z.array(
            z.object({
              columns: z.array(z.string()),
              parent: z.string(),
              parent_columns: z.array(z.string()),
              acts_on_delete: z.boolean(),
            }),
          ),
          is_cascading: z.boolean(),
          is_logged: z.boolean(),
          is_full_text: z.boolean(),
        }),
      ),
      virtual_tables: definitions,
      /** FTS5 tables over another table's text, to be rebuilt. */
      rebuilt: z.array(z.string()),
      indexes: definitions,
      views: definitions,
      triggers: definitions,
      has_sequences: z.boolean(),
    }),
    /** AUTOINCREMENT: the last key given out in a table. Decimal, exact. */
    sequences: z.array(z.strictObject({ table: z.string(), seq: z.string() })),
  }),
  stores: z
    .strictObject({
      database: z.strictObject({ live: z.int(), generations: z.array(z.int()) }),
      vectors: z.strictObject({
        live: z.int(),
        generations: z.array(z.strictObject({ generation: z.int(), dimensions: z.int() })),
      }),
      /** Part of JSON: `{entries: [{key, value_base64, metadata, expiration}]}`. */
      config: z.strictObject({ part: partId, keys: z.int() }),
      index: z.strictObject({
        name: z.string(),
        dimensions: z.int(),
        metric: z.string(),
        description: z.string().nullable(),
        metadata_indexes: z.array(z.strictObject({ property: z.string(), type: z.string() })),
        vectors: z.int(),
        mutation: z.string().nullable(),
        /** `ids`: every id compared. `count`: the numbers agree and nothing was listed. */
        parity: z.strictObject({
          method: z.enum(["ids", "count"]),
          chunks_without_vector: orphans,
          vectors_without_chunk: orphans,
        }),
        /** Packs that rows name but the bucket lacks: `lost` ones are in the snapshot, for an earlier one had them. */
        packs: z.strictObject({ named: z.int(), lost: z.array(z.string()), missing: z.array(z.string()) }),
      }),
      worker: deployedWorker,
      /** Part of `pulumi stack export`, secrets encrypted as they are there; null without an engine. */
      stack_export: partId.nullable(),
      /** Between the database's state and the last look at another store. */
      skew_ms: z.int(),
    })
    .nullable(),
});
export type SnapshotBody = z.infer<typeof snapshotBody>;

/** @throws OpsError for a snapshot of a newer format, or of something else. */
export function readSummary(snapshot: Pick<Snapshot, "info" | "summary">): SnapshotSummary {
  return parse(snapshotSummary, snapshot.summary, snapshot.info.id);
}

/** @throws OpsError as `readSummary`, and when the key cannot read it. */
export async function readInventory(snapshot: Snapshot): Promise<SnapshotInventory> {
  const bytes = await snapshot.readPart(readSummary(snapshot).inventory);
  return parse(inventory, JSON.parse(Buffer.from(bytes).toString()), snapshot.info.id);
}

export interface SnapshotManifest {
  summary: SnapshotSummary;
  inventory: SnapshotInventory;
  body: SnapshotBody;
}

/** All that the snapshot says. @throws OpsError as `readInventory`. */
export async function readManifest(snapshot: Snapshot): Promise<SnapshotManifest> {
  return {
    summary: readSummary(snapshot),
    inventory: await readInventory(snapshot),
    body: parse(snapshotBody, await snapshot.body(), snapshot.info.id),
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, id: string): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const format = z.object({ format: z.number() }).safeParse(value);
  const newer = format.success && format.data.format > SNAPSHOT_FORMAT;
  throw refusal({
    op: "read snapshot",
    subject: id,
    cause: newer
      ? `it has format ${format.data.format}, this release knows up to ${SNAPSHOT_FORMAT}`
      : `its description is not one of this tool: ${z.prettifyError(parsed.error).split("\n")[0]}`,
    hint: newer ? "use the release that made it, or a newer one" : "npm run ops -- backup list shows the others",
  });
}
