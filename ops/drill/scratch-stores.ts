/** A database and a vector index of their own for one drill, named so that nobody takes them for anything else. */
import { randomBytes } from "node:crypto";
import type { SnapshotBody } from "../backup/manifest.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { asOpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { VectorIndex } from "../generation/vector-index.ts";
import { SCRATCH_ABANDONED_MS } from "../limits.ts";

type IndexState = NonNullable<SnapshotBody["stores"]>["index"];

interface ScratchStores {
  name: string;
  connection: D1Connection;
  index: VectorIndex;
  /** Deletes both. Returns what could not be deleted. */
  remove(): Promise<string[]>;
}

const PREFIX = "prism-drill-";

/** Deletes what drills left that were killed: scratch older than any drill. Returns its names. */
export async function removeAbandonedScratch(api: Cloudflare, account_id: string, now_ms: number): Promise<string[]> {
  const account = { account_id };
  const isAbandoned = (name = "", created = "") =>
    name.startsWith(PREFIX) && now_ms - Date.parse(created) > SCRATCH_ABANDONED_MS;
  const removed: string[] = [];
  for await (const { name, uuid = "", created_at } of api.d1.database.list(account)) {
    if (!isAbandoned(name, created_at)) continue;
    await api.d1.database.delete(uuid, account);
    removed.push(`database ${name}`);
  }
  for await (const { name = "", created_on } of api.vectorize.indexes.list(account)) {
    if (!isAbandoned(name, created_on)) continue;
    await api.vectorize.indexes.delete(name, account);
    removed.push(`vector index ${name}`);
  }
  return removed;
}

/** The index is set up as it was in the snapshot; its metadata indexes come before the first vector, as they must. */
export async function scratchStores(
  api: Cloudflare,
  account_id: string,
  { dimensions, metric, metadata_indexes }: IndexState,
): Promise<ScratchStores> {
  const name = `${PREFIX}${randomBytes(4).toString("hex")}`;
  const account = { account_id };
  const { uuid: id = "" } = await api.d1.database.create({ ...account, name });
  const remove = async () => {
    const left: string[] = [];
    for (const [what, work] of [
      [`database ${name}`, () => api.d1.database.delete(id, account)],
      [`vector index ${name}`, () => api.vectorize.indexes.delete(name, account)],
    ] as const) {
      await work().catch((error: unknown) => {
        const { status, parts } = asOpsError(error);
        if (status !== 404 && status !== 410) left.push(`${what}: ${parts.cause}`);
      });
    }
    return left;
  };
  try {
    const config = { dimensions, metric: metric as "cosine" };
    await api.vectorize.indexes.create({ ...account, name, config });
    for (const { property, type } of metadata_indexes) {
      const indexType = type as "string";
      await api.vectorize.indexes.metadataIndex.create(name, { ...account, propertyName: property, indexType });
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    name,
    connection: restD1(api, account_id, id),
    index: new VectorIndex({ api, account_id }, name),
    remove,
  };
}
