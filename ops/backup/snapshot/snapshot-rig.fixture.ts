/** For tests: snapshots of a SQLite database into a repository in a temporary folder, and the way back. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MIGRATIONS_TABLE, readMigrations } from "../../../infra/migration-files.ts";
import type { D1Connection } from "../../d1/connection.ts";
import { beginLoad, finishLoad } from "../../d1/load.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { writeRows } from "../../d1/write-rows.ts";
import { directoryStorage } from "../../storage/directory-storage.ts";
import { readManifest } from "../manifest.ts";
import { initRepository } from "../repository/key-administration.ts";
import { joinKeys } from "../repository/key-file.ts";
import { openRepository } from "../repository/open-repository.ts";
import { readTable } from "./read-table.ts";
import { type Taken, takeSnapshot } from "./take.ts";

export interface SnapshotRig {
  /** Takes a snapshot. `wrap`: what stands between the backup and the database. */
  take(options?: {
    full?: boolean;
    wrap?: (connection: D1Connection) => D1Connection;
    plan?: () => Promise<unknown>;
  }): Promise<Taken>;
  /** The snapshot's rows in a database of their own. */
  restore(id: string): Promise<DatabaseSync>;
  /** With the writer's key alone from now on. */
  forgetEscrow(): void;
  /** With the escrowed key alone from now on. */
  rememberEscrow(): void;
  snapshots(): Promise<number>;
  /** Objects of leases that are held. */
  leases(): string[];
  remove(): void;
}

/** `now`: the clock of the machine that backs up. */
export async function snapshotRig(database: DatabaseSync, now: () => number = Date.now): Promise<SnapshotRig> {
  const folder = mkdtempSync(join(tmpdir(), "prism-snapshot-"));
  const storage = directoryStorage(folder);
  const keys = await initRepository(storage, { escrow: "e", writer: "w" }, now(), new AbortController().signal);
  let key = joinKeys(keys.writer, keys.escrow);
  const connection = sqliteD1(database);
  return {
    async take({ full = false, wrap = (plain: D1Connection) => plain, plan = async () => {} } = {}) {
      const repository = await openRepository(storage, key, { now });
      const database = { id: "db", name: "prism-db", connection: wrap(connection), bookmark: async () => null };
      try {
        return await takeSnapshot(
          repository,
          { stack: "local", database, stores: null },
          { full, plan, tool: "test 1", now, requests: () => 0, on_bytes: () => {} },
        );
      } finally {
        await repository.close();
      }
    },
    async restore(id) {
      const repository = await openRepository(storage, key, { now });
      const snapshot = await repository.openSnapshot(id);
      const { inventory, body } = await readManifest(snapshot);
      const restored = new DatabaseSync(":memory:");
      const to = sqliteD1(restored);
      const load = await beginLoad(to, body.database.schema);
      for (const table of body.database.schema.tables) {
        const held = inventory.database.tables.find(({ name }) => name === table.name);
        if (held) await writeRows(to, load.target(table), readTable(snapshot, held));
      }
      const sequences = body.database.sequences.map(({ table, seq }) => ({ table, last: BigInt(seq) }));
      await finishLoad(to, load, sequences);
      await repository.close();
      return restored;
    },
    forgetEscrow() {
      key = keys.writer;
    },
    rememberEscrow() {
      key = keys.escrow;
    },
    async snapshots() {
      const repository = await openRepository(storage, key, { now });
      const { length } = await repository.listSnapshots();
      await repository.close();
      return length;
    },
    leases: () => readdirSync(join(folder, "locks")),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The Worker's tables, with `chunks` chunks of one document; in `database`, which is empty, or in memory. */
export function serviceDatabase(chunks: number, database = new DatabaseSync(":memory:")): DatabaseSync {
  for (const { statements } of readMigrations()) for (const sql of statements) database.exec(sql);
  database.exec(MIGRATIONS_TABLE);
  database.exec("INSERT INTO documents VALUES (1, 't', 'e', 'T', NULL, 'md', '{}', 'h', '[]', 1, 1, 1, 1)");
  database.exec(`WITH RECURSIVE numbers (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < ${chunks})
    INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count)
    SELECT value, 1, 't', 'T', 'h', hex(randomblob(300)), value, 1 FROM numbers`);
  return database;
}
