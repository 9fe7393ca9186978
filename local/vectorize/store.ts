/**
 * Vectorize on this machine: many indexes in one SQLite file, each scanned flat in memory.
 *
 * Methods mirror the REST API (v2) and throw its errors as `ApiError`. The REST face and the binding compose it;
 * they add only what differs between them, the size of a batch.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as nextTick } from "node:timers/promises";
import {
  VECTORIZE_DELETE_IDS_MAX,
  VECTORIZE_GET_IDS_MAX,
  VECTORIZE_LIST_PAGE_DEFAULT,
  VECTORIZE_LIST_PAGE_MAX,
  VECTORIZE_METADATA_INDEXES_MAX,
} from "../../infra/cloudflare-limits.ts";
import { VECTORIZE_LIST_CURSOR_TTL_MS, VECTORIZE_MUTATION_DELAY_MS } from "../limits.ts";
import { ApiError } from "../rest/envelope.ts";
import { changeSteps } from "./apply-change.ts";
import { type Mutation, type StoredIndex, VectorizeDatabase } from "./database.ts";
import { badRequest, CODES } from "./errors.ts";
import { compileFilter } from "./filter.ts";
import { decodeCursor, encodeCursor } from "./list-cursor.ts";
import { MutationQueue } from "./mutation-queue.ts";
import { checkedTopK, type QueryOptions } from "./query-options.ts";
import { VectorTable } from "./table.ts";
import type {
  Change,
  IndexConfig,
  IndexInfo,
  IndexRecord,
  Match,
  Matches,
  MetadataIndex,
  MetadataType,
  StoredVector,
  VectorInput,
} from "./types.ts";
import { checkedBatch, checkIds, checkNamespace, checkNewIndex } from "./vector-checks.ts";

interface VectorPage {
  count: number;
  isTruncated: boolean;
  totalCount: number;
  vectors: { id: string }[];
  nextCursor: string | null;
  cursorExpirationTimestamp: string | null;
}

interface NewIndex {
  name: string;
  config: IndexConfig;
  description?: string | undefined;
}

interface Accepted {
  mutationId: string;
}

export class VectorizeStore {
  readonly #db: VectorizeDatabase;
  readonly #now: () => number;
  readonly #indexes: Map<string, StoredIndex>;
  readonly #tables = new Map<number, VectorTable>();
  readonly #queue: MutationQueue;
  #closed = false;

  /** `path` is a file, or ":memory:"; `now` gives milliseconds since the epoch for timestamps and cursors. */
  constructor(path: string, { now }: { now: () => number }) {
    this.#db = new VectorizeDatabase(path);
    this.#now = now;
    this.#indexes = new Map(this.#db.indexes().map((index) => [index.name, index]));
    this.#queue = new MutationQueue(VECTORIZE_MUTATION_DELAY_MS, (mutation) => this.#apply(mutation));
    for (const mutation of this.#db.pending()) this.#queue.push(mutation);
  }

  /** Milliseconds until a mutation becomes visible; `Infinity` holds all of them, e.g. to serve stale results. */
  setMutationDelay(delay_ms: number): void {
    this.#queue.setDelay(delay_ms);
  }

  /** Resolves once every mutation accepted so far is visible. */
  async flush(): Promise<void> {
    await this.#queue.flush();
  }

  /** Mutations that are not visible yet stay in the file and are applied by the next store over it. */
  close(): void {
    this.#closed = true;
    this.#queue.stop();
    this.#db.close();
  }

  createIndex({ name, config, description = "" }: NewIndex): IndexRecord {
    checkNewIndex(name, config);
    if (this.#indexes.has(name))
      throw badRequest("duplicate_name", `vectorize.index.duplicate_name - Index name "${name}"`);
    const created_on = this.#timestamp();
    const index = this.#db.createIndex({
      ...{ name, description, config, created_on, modified_on: created_on },
      ...{ metadata_indexes: [], processed_mutation: "", processed_at: null },
    });
    this.#indexes.set(name, index);
    return publicRecord(index);
  }

  /** Oldest first. */
  listIndexes(): IndexRecord[] {
    return Array.from(this.#indexes.values(), publicRecord);
  }

  getIndex(name: string): IndexRecord {
    return publicRecord(this.#index(name));
  }

  /** At once, unlike every other mutation. */
  deleteIndex(name: string): void {
    const index = this.#index(name);
    this.#queue.drop(index.key);
    this.#indexes.delete(name);
    this.#tables.delete(index.key);
    this.#db.deleteIndex(index);
  }

  info(name: string): IndexInfo {
    const index = this.#index(name);
    return {
      dimensions: index.config.dimensions,
      vectorCount: this.#table(index).size,
      processedUpToMutation: index.processed_mutation,
      processedUpToDatetime: index.processed_at,
    };
  }

  /** Only vectors that arrive after the index exists can be filtered by it. */
  createMetadataIndex(name: string, property: string, type: MetadataType): Accepted {
    const index = this.#index(name);
    const properties = new Set(index.metadata_indexes.map(({ propertyName }) => propertyName));
    for (const { change } of this.#queue.of(index.key)) {
      if (change.kind === "create_metadata_index") properties.add(change.metadata_index.propertyName);
      if (change.kind === "delete_metadata_index") properties.delete(change.property);
    }
    if (!properties.has(property) && properties.size >= VECTORIZE_METADATA_INDEXES_MAX)
      throw badRequest(
        "metadata_index",
        `index "${name}" already has ${VECTORIZE_METADATA_INDEXES_MAX} metadata indexes; delete one first`,
      );
    return this.#accept(index, {
      kind: "create_metadata_index",
      metadata_index: { propertyName: property, indexType: type },
    });
  }

  deleteMetadataIndex(name: string, property: string): Accepted {
    return this.#accept(this.#index(name), { kind: "delete_metadata_index", property });
  }

  listMetadataIndexes(name: string): MetadataIndex[] {
    return this.#index(name).metadata_indexes;
  }

  /** Vectors whose id exists already when the mutation is applied are left as they are. */
  insert(name: string, vectors: readonly VectorInput[]): Accepted {
    const index = this.#index(name);
    return this.#accept(index, checkedBatch("insert", vectors, index.config.dimensions));
  }

  /** Replaces existing vectors in full. */
  upsert(name: string, vectors: readonly VectorInput[]): Accepted {
    const index = this.#index(name);
    return this.#accept(index, checkedBatch("upsert", vectors, index.config.dimensions));
  }

  deleteByIds(name: string, ids: readonly unknown[]): Accepted {
    const index = this.#index(name);
    checkIds(ids, VECTORIZE_DELETE_IDS_MAX);
    return this.#accept(index, { kind: "delete", ids: [...ids] });
  }

  /** In the order asked for; unknown ids are left out. */
  getByIds(name: string, ids: readonly unknown[]): StoredVector[] {
    const index = this.#index(name);
    checkIds(ids, VECTORIZE_GET_IDS_MAX);
    const table = this.#table(index);
    return ids.flatMap((id): StoredVector[] => {
      const values = table.values(id);
      if (values === undefined) return [];
      const namespace = table.namespace(id);
      const metadata = this.#db.metadata(index.key, id);
      return [
        { id, ...(namespace === null ? {} : { namespace }), values, ...(metadata === undefined ? {} : { metadata }) },
      ];
    });
  }

  /** Ids only, in the order of their bytes. */
  listVectors(name: string, count = VECTORIZE_LIST_PAGE_DEFAULT, cursor?: string): VectorPage {
    const index = this.#index(name);
    if (!Number.isInteger(count) || count < 1 || count > VECTORIZE_LIST_PAGE_MAX)
      throw badRequest("cursor", `count must be 1 to ${VECTORIZE_LIST_PAGE_MAX}, got ${count}`);
    const after = cursor === undefined ? "" : decodeCursor(cursor, this.#now());
    const ids = this.#db.idsAfter(index.key, after, count + 1);
    const page = ids.slice(0, count);
    const last = ids.length > count ? page.at(-1) : undefined;
    const expires_at_ms = this.#now() + VECTORIZE_LIST_CURSOR_TTL_MS;
    return {
      count: page.length,
      isTruncated: last !== undefined,
      totalCount: this.#table(index).size,
      vectors: page.map((id) => ({ id })),
      nextCursor: last === undefined ? null : encodeCursor(last, expires_at_ms),
      cursorExpirationTimestamp: last === undefined ? null : new Date(expires_at_ms).toISOString(),
    };
  }

  query(name: string, vector: ArrayLike<number>, options: QueryOptions = {}): Matches {
    const index = this.#index(name);
    const { dimensions } = index.config;
    if (vector.length !== dimensions)
      throw badRequest(
        "query_dimensions",
        `invalid query vector, expected ${dimensions} dimensions, and got ${vector.length} dimensions`,
      );
    const query = Float32Array.from(vector);
    if (!query.every(Number.isFinite))
      throw badRequest("query_dimensions", "invalid query vector, it must hold finite float32 numbers");
    const { namespace, returnMetadata = "none", returnValues = false } = options;
    if (namespace !== undefined) checkNamespace(namespace);
    const passes = options.filter === undefined ? undefined : compileFilter(options.filter, index.metadata_indexes);
    const table = this.#table(index);
    const rows = table.search(query, checkedTopK(options), namespace, passes);
    const matches = rows.map(({ id, score, namespace: owner, indexed }): Match => {
      const metadata = returnMetadata === "all" ? this.#db.metadata(index.key, id) : indexed;
      return {
        id,
        score,
        ...(owner === null ? {} : { namespace: owner }),
        ...(returnValues ? { values: table.values(id) ?? [] } : {}),
        ...(returnMetadata === "none" || metadata === undefined ? {} : { metadata }),
      };
    });
    return { count: matches.length, matches };
  }

  queryById(name: string, id: string, options: QueryOptions = {}): Matches {
    checkIds([id], 1);
    const values = this.#table(this.#index(name)).values(id);
    if (values === undefined) throw badRequest("vector_not_found", `vector with id="${id}" does not exist`);
    return this.query(name, values, options);
  }

  #index(name: string): StoredIndex {
    const index = this.#indexes.get(name);
    if (index) return index;
    // Not 404: https://developers.cloudflare.com/api/ is silent, and what clients of the real API met is 400 and 410.
    if (this.#db.wasDeleted(name))
      throw new ApiError(410, CODES.index_deleted, `vectorize.index.deleted - Index name "${name}" was deleted`);
    throw badRequest("index_not_found", `vectorize.index.not_found - Index name "${name}"`);
  }

  /** Read from the file at first use. */
  #table(index: StoredIndex): VectorTable {
    const loaded = this.#tables.get(index.key);
    if (loaded) return loaded;
    const table = new VectorTable(index.config);
    for (const { id, namespace, values, indexed } of this.#db.vectors(index.key)) {
      table.set(id, namespace, values, indexed);
    }
    this.#tables.set(index.key, table);
    return table;
  }

  #accept(index: StoredIndex, change: Change): Accepted {
    const mutation = this.#db.enqueue(index.key, randomUUID(), change);
    this.#queue.push(mutation);
    return { mutationId: mutation.id };
  }

  /** Leaves off when the store closes or the index is deleted meanwhile. */
  async #apply({ seq, index_key, id, change }: Mutation): Promise<void> {
    const index = this.#indexes.values().find(({ key }) => key === index_key);
    if (!index) return;
    for (const step of changeSteps(this.#db, index, this.#table(index), change)) {
      this.#db.transaction(step);
      await nextTick();
      if (this.#closed || this.#indexes.get(index.name) !== index) return;
    }
    index.processed_mutation = id;
    index.processed_at = index.modified_on = this.#timestamp();
    this.#db.transaction(() => {
      this.#db.saveIndex(index);
      this.#db.removeMutation(seq);
    });
  }

  #timestamp(): string {
    return new Date(this.#now()).toISOString();
  }
}

function publicRecord({ name, description, config, created_on, modified_on }: StoredIndex): IndexRecord {
  return { name, description, config, created_on, modified_on };
}
