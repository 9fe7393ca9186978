/** The live vector index beside the rows of a snapshot: how it is set up, and whether each has what the other has. */
import type { Cloudflare } from "../../cloudflare/official.ts";
import { ORPHANS_LISTED } from "../../limits.ts";
import type { SnapshotBody } from "../manifest.ts";
import type { VectorIds } from "./vector-ids.ts";

type IndexState = NonNullable<SnapshotBody["stores"]>["index"];
type Parity = IndexState["parity"];

interface IndexPlace {
  api: Cloudflare;
  account_id: string;
  name: string;
}

/**
 * Configuration, state and parity. Ids are listed, 1000 a request, when `listing` asks for it or the numbers differ; equal
 * numbers are believed otherwise.
 * @throws OpsError in the API's words.
 */
export async function describeIndex(
  place: IndexPlace,
  ids: VectorIds | null,
  listing: boolean,
): Promise<Omit<IndexState, "packs">> {
  const { api, account_id, name } = place;
  const [index, info, metadata] = await Promise.all([
    api.vectorize.indexes.get(name, { account_id }),
    api.vectorize.indexes.info(name, { account_id }),
    api.vectorize.indexes.metadataIndex.list(name, { account_id }),
  ]);
  const vectors = info?.vectorCount ?? 0;
  const isEven = ids !== null && vectors === ids.count;
  return {
    name,
    dimensions: index?.config?.dimensions ?? 0,
    metric: index?.config?.metric ?? "",
    description: index?.description ?? null,
    metadata_indexes: (metadata?.metadataIndexes ?? []).map(({ propertyName = "", indexType = "" }) => ({
      property: propertyName,
      type: indexType,
    })),
    vectors,
    mutation: info?.processedUpToMutation ?? null,
    parity: ids !== null && (listing || !isEven) ? await compareIds(place, ids) : NOTHING_LISTED,
  };
}

const NOTHING_LISTED: Parity = {
  method: "count",
  chunks_without_vector: { count: 0, ids: [] },
  vectors_without_chunk: { count: 0, ids: [] },
};

async function compareIds({ api, account_id, name }: IndexPlace, ids: VectorIds): Promise<Parity> {
  const without_chunk = new Orphans();
  const seen = new Set<number>();
  let cursor: string | undefined;
  do {
    const page = await api.vectorize.indexes.listVectors(name, {
      account_id,
      count: 1000,
      ...(cursor !== undefined && { cursor }),
    });
    for (const { id } of page?.vectors ?? []) {
      const chunk = Number(id);
      if (Number.isSafeInteger(chunk) && chunk >= 0 && ids.has(chunk)) seen.add(chunk);
      else without_chunk.add(id);
    }
    cursor = page?.isTruncated ? (page.nextCursor ?? undefined) : undefined;
  } while (cursor !== undefined);
  const without_vector = new Orphans();
  if (seen.size < ids.count) for (const id of ids.ids()) if (!seen.has(id)) without_vector.add(String(id));
  return {
    method: "ids",
    chunks_without_vector: without_vector.report(),
    vectors_without_chunk: without_chunk.report(),
  };
}

/** All are counted, some are named. */
class Orphans {
  #count = 0;
  readonly #ids: string[] = [];

  add(id: string): void {
    this.#count += 1;
    if (this.#ids.length < ORPHANS_LISTED) this.#ids.push(id);
  }

  report(): { count: number; ids: string[] } {
    return { count: this.#count, ids: this.#ids };
  }
}
