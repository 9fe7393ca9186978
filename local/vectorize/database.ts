/**
 * The SQLite file behind the store: indexes, vectors, and the mutations that were accepted but are not visible yet.
 *
 * A mutation is applied in slices, each its own transaction, and leaves the queue after the last one: whatever a
 * crash interrupts is applied again, which every kind of change allows.
 */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import type { Change, Entry, Indexed, IndexRecord, MetadataIndex, StoredVector } from "./types.ts";

export interface StoredIndex extends IndexRecord {
  key: number;
  metadata_indexes: MetadataIndex[];
  processed_mutation: string;
  processed_at: string | null;
}
export interface Mutation {
  seq: number;
  index_key: number;
  id: string;
  change: Change;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS indexes (
    key INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, record TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS deleted_indexes (name TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS vectors (
    seq INTEGER PRIMARY KEY, index_key INTEGER NOT NULL, id TEXT NOT NULL, namespace TEXT,
    floats BLOB NOT NULL, metadata TEXT, indexed TEXT NOT NULL, UNIQUE (index_key, id)
  );
  CREATE TABLE IF NOT EXISTS mutations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, index_key INTEGER NOT NULL, id TEXT NOT NULL,
    change TEXT NOT NULL, floats BLOB
  );`;

export class VectorizeDatabase {
  readonly #db: DatabaseSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${SCHEMA}`);
  }

  close(): void {
    this.#db.close();
  }

  transaction(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** Oldest first. */
  indexes(): StoredIndex[] {
    return this.#db
      .prepare("SELECT key, record FROM indexes ORDER BY key")
      .all()
      .map(({ key, record }) => ({ ...(JSON.parse(String(record)) as Omit<StoredIndex, "key">), key: Number(key) }));
  }

  createIndex(record: Omit<StoredIndex, "key">): StoredIndex {
    const { lastInsertRowid } = this.#db
      .prepare("INSERT INTO indexes (name, record) VALUES (?, ?)")
      .run(record.name, JSON.stringify(record));
    this.#db.prepare("DELETE FROM deleted_indexes WHERE name = ?").run(record.name);
    return { ...record, key: Number(lastInsertRowid) };
  }

  saveIndex({ key, ...record }: StoredIndex): void {
    this.#db.prepare("UPDATE indexes SET record = ? WHERE key = ?").run(JSON.stringify(record), key);
  }

  deleteIndex({ key, name }: StoredIndex): void {
    this.transaction(() => {
      this.#db.prepare("DELETE FROM indexes WHERE key = ?").run(key);
      this.#db.prepare("DELETE FROM mutations WHERE index_key = ?").run(key);
      this.#db.prepare("DELETE FROM vectors WHERE index_key = ?").run(key);
      this.#db.prepare("INSERT OR IGNORE INTO deleted_indexes (name) VALUES (?)").run(name);
    });
  }

  wasDeleted(name: string): boolean {
    return this.#db.prepare("SELECT 1 FROM deleted_indexes WHERE name = ?").get(name) !== undefined;
  }

  enqueue(index_key: number, id: string, change: Change): Mutation {
    const { values, ...rest } = "values" in change ? change : { ...change, values: undefined };
    const { lastInsertRowid } = this.#db
      .prepare("INSERT INTO mutations (index_key, id, change, floats) VALUES (?, ?, ?, ?)")
      .run(index_key, id, JSON.stringify(rest), values === undefined ? null : bytesOf(values));
    return { seq: Number(lastInsertRowid), index_key, id, change };
  }

  /** What an earlier process accepted and did not finish, in order. */
  pending(): Mutation[] {
    return this.#db
      .prepare("SELECT seq, index_key, id, change, floats FROM mutations ORDER BY seq")
      .all()
      .map(({ seq, index_key, id, change, floats }) => ({
        seq: Number(seq),
        index_key: Number(index_key),
        id: String(id),
        change: {
          ...(JSON.parse(String(change)) as Change),
          ...(floats === null ? {} : { values: floatsOf(floats) }),
        } as Change,
      }));
  }

  removeMutation(seq: number): void {
    this.#db.prepare("DELETE FROM mutations WHERE seq = ?").run(seq);
  }

  /** Adds or replaces. */
  vectorWriter(index_key: number): (entry: Entry, values: Float32Array, indexed: Indexed) => void {
    const statement = this.#db.prepare(
      `INSERT INTO vectors (index_key, id, namespace, floats, metadata, indexed) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (index_key, id) DO UPDATE SET
         namespace = excluded.namespace, floats = excluded.floats, metadata = excluded.metadata, indexed = excluded.indexed`,
    );
    return ({ id, namespace, metadata }, values, indexed) => {
      statement.run(index_key, id, namespace, bytesOf(values), metadata, JSON.stringify(indexed));
    };
  }

  deleteVectors(index_key: number, ids: readonly string[]): void {
    const statement = this.#db.prepare("DELETE FROM vectors WHERE index_key = ? AND id = ?");
    for (const id of ids) statement.run(index_key, id);
  }

  dropIndexed(index_key: number, property: string): void {
    this.#db
      .prepare("UPDATE vectors SET indexed = json_remove(indexed, ?) WHERE index_key = ?")
      .run(`$."${property}"`, index_key);
  }

  *vectors(
    index_key: number,
  ): Generator<{ id: string; namespace: string | null; values: Float32Array; indexed: Indexed }> {
    const rows = this.#db
      .prepare("SELECT id, namespace, floats, indexed FROM vectors WHERE index_key = ? ORDER BY seq")
      .iterate(index_key);
    for (const { id, namespace, floats, indexed } of rows) {
      yield {
        id: String(id),
        namespace: namespace === null || namespace === undefined ? null : String(namespace),
        values: floatsOf(floats),
        indexed: JSON.parse(String(indexed)) as Indexed,
      };
    }
  }

  metadata(index_key: number, id: string): StoredVector["metadata"] {
    const row = this.#db.prepare("SELECT metadata FROM vectors WHERE index_key = ? AND id = ?").get(index_key, id);
    return typeof row?.metadata === "string" ? JSON.parse(row.metadata) : undefined;
  }

  /** Ids after the given one, in the order of their bytes. */
  idsAfter(index_key: number, after: string, count: number): string[] {
    return this.#db
      .prepare("SELECT id FROM vectors WHERE index_key = ? AND id > ? ORDER BY id LIMIT ?")
      .all(index_key, after, count)
      .map(({ id }) => String(id));
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function floatsOf(blob: SQLOutputValue | undefined): Float32Array {
  if (!(blob instanceof Uint8Array)) throw new Error("the Vectorize file holds a row without vector bytes");
  // A copy, because SQLite's bytes need not lie on a multiple of four.
  return new Float32Array(blob.buffer.slice(blob.byteOffset, blob.byteOffset + blob.byteLength));
}
