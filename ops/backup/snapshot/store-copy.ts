/** Everything of a stack beside its database: buckets, configuration, vector index, Worker. */
import { liveOf } from "../../../infra/outputs.ts";
import { counted } from "../../../worker/ground/counted.ts";
import type { Cloudflare } from "../../cloudflare/official.ts";
import type { D1Connection } from "../../d1/connection.ts";
import { queryRows } from "../../d1/query.ts";
import { PACK_KEYS_PER_READ } from "../../limits.ts";
import type { StackResources } from "../../stack/target.ts";
import type { Storage } from "../../storage/storage.ts";
import type { SnapshotBody, SnapshotInventory } from "../manifest.ts";
import { allDone } from "../repository/all-done.ts";
import type { SnapshotWriter } from "../repository/repository.ts";
import { BucketCopy } from "./bucket-copy.ts";
import { encodeEntries, readNamespace } from "./config-namespace.ts";
import type { SealedCopy } from "./database-copy.ts";
import type { Base, Survey } from "./survey.ts";
import type { TakeOptions } from "./take-options.ts";
import { describeIndex } from "./vector-index.ts";
import type { WorkerState } from "./worker-state.ts";

export interface StoreSources {
  api: Cloudflare;
  resources: StackResources;
  vectors: Storage;
  audit: Storage;
  signal: AbortSignal;
  /** `pulumi stack export`; null without an engine. */
  exportStack(): Promise<Buffer | null>;
}

interface StoresCopy {
  buckets: NonNullable<SnapshotInventory["buckets"]>;
  body: Omit<NonNullable<SnapshotBody["stores"]>, "skew_ms">;
  last_look_ms: number;
  warnings: string[];
}

interface Beside {
  writer: SnapshotWriter;
  /** Whose objects are kept where their etag is the same; null to read all again. */
  base: Base | null;
  /** The buckets as they were listed before. */
  objects: Survey["objects"];
  worker: WorkerState;
  connection: D1Connection;
  /** The database's copy, under way. */
  sealed: Promise<SealedCopy>;
  options: Pick<TakeOptions, "now" | "on_bytes" | "full">;
}

/** @throws OpsError in the words of the API or of the storage; what `sealed` fails with. */
export async function copyStores(sources: StoreSources, beside: Beside): Promise<StoresCopy> {
  const { api, resources, signal } = sources;
  const { writer, base, objects, worker, options } = beside;
  const { account_id } = resources;
  const bucket = (name: "vectors" | "audit") =>
    new BucketCopy(
      { bucket: resources.buckets[name], storage: sources[name], signal },
      writer,
      base?.inventory.buckets?.[name] ?? null,
    );
  const vectors = bucket("vectors");
  const audit = bucket("audit");
  const put = async (kind: string, bytes: Uint8Array) => (await writer.putPart(kind, bytes)).id;

  const putWorker = async (): Promise<string> => {
    if (typeof worker.version === "string") return (await writer.keepPart(worker.version)).id;
    options.on_bytes(worker.version.length);
    return await put("worker", worker.version);
  };

  // Most objects are there already while rows are still being read.
  const early = (async () => {
    await vectors.pass(options.on_bytes, objects?.vectors);
    await audit.pass(options.on_bytes, objects?.audit);
  })();
  const name = liveOf(resources.vectors)?.name ?? "";
  const listing = options.full || base === null;
  const late = beside.sealed.then(async ({ vector_ids }) => {
    // Asked before the bucket is listed: what a row names was there before the row.
    const again = packKeys(beside.connection, vector_ids !== null).then(async (keys) => {
      await early;
      await vectors.pass(options.on_bytes);
      return keys;
    });
    const configuration = readNamespace(api, account_id, resources.kv.config).then(async (entries) => ({
      part: await put("config", encodeEntries(entries)),
      keys: entries.length,
    }));
    return await allDone([again, configuration, describeIndex({ api, account_id, name }, vector_ids, listing)]);
  });
  const exported = sources.exportStack().then((stack) => stack && put("stack", stack));
  const [[needed, config, index], stack_export, version] = await allDone([late, exported, putWorker(), early]);
  const [packs, audited] = [await vectors.finish(needed), await audit.finish(new Set())];
  return {
    buckets: { vectors: packs.summary, audit: audited.summary },
    body: {
      database: {
        live: resources.database.live,
        generations: resources.database.generations.map(({ generation }) => generation),
      },
      vectors: {
        live: resources.vectors.live,
        generations: resources.vectors.generations.map(({ generation, dimensions }) => ({ generation, dimensions })),
      },
      config,
      index: { ...index, packs: { named: needed.size, lost: packs.lost, missing: packs.missing } },
      worker: {
        name: resources.worker.name,
        version_id: worker.version_id,
        version,
        secret_names: worker.secret_names,
      },
      stack_export,
    },
    last_look_ms: options.now(),
    warnings: [...warningsOfPacks(packs), ...warningsOfParity(index.parity)],
  };
}

/** Keys of the packs that rows name. */
async function packKeys(connection: D1Connection, has_packs: boolean): Promise<Set<string>> {
  const keys = new Set<string>();
  for (let after = 0; has_packs; ) {
    const sql = `SELECT id, object_key FROM packs WHERE id > ?1 ORDER BY id LIMIT ${PACK_KEYS_PER_READ}`;
    const page = await queryRows(connection, sql, [after]);
    for (const [id, key] of page) {
      keys.add(String(key));
      after = Number(id);
    }
    if (page.length < PACK_KEYS_PER_READ) break;
  }
  return keys;
}

function warningsOfPacks({ lost, missing }: { lost: string[]; missing: string[] }): string[] {
  const saved = lost.length - missing.length;
  return [
    ...(saved > 0 ? [`${counted(saved, "pack")} that rows name, gone from the bucket; still in the snapshot`] : []),
    ...(missing.length > 0
      ? [`${counted(missing.length, "pack")} that rows name, found nowhere: ${missing[0]} is one`]
      : []),
  ];
}

function warningsOfParity(parity: StoresCopy["body"]["index"]["parity"]): string[] {
  const { chunks_without_vector: chunks, vectors_without_chunk: vectors } = parity;
  return [
    ...(chunks.count > 0
      ? [`${counted(chunks.count, "chunk")} without a vector in the index, ${chunks.ids[0]} is one`]
      : []),
    ...(vectors.count > 0 ? [`${counted(vectors.count, "vector")} without a chunk, ${vectors.ids[0]} is one`] : []),
  ];
}
