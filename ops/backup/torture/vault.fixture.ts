/** For tests: a SQLite database with a repository of its snapshots, in a folder that can be copied as it is. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { D1Connection } from "../../d1/connection.ts";
import { readSchema } from "../../d1/schema.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { hashTable } from "../../d1/table-hash.ts";
import { loadDatabase } from "../../restore/load-database.ts";
import { directoryStorage } from "../../storage/directory-storage.ts";
import type { Patience } from "../../storage/patient-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import { readManifest } from "../manifest.ts";
import { initRepository } from "../repository/key-administration.ts";
import { type BackupKey, formatKey, joinKeys, parseKey } from "../repository/key-file.ts";
import { openRepository } from "../repository/open-repository.ts";
import type { Repository } from "../repository/repository.ts";
import { type Taken, takeSnapshot } from "../snapshot/take.ts";

const never = new AbortController().signal;

export class Vault {
  readonly folder: string;
  readonly repository_folder: string;
  readonly database: DatabaseSync;
  readonly storage: Storage;
  readonly key: BackupKey;
  /** Towards the repository's storage. */
  patience: Patience = {};
  readonly #now: () => number;

  constructor(folder: string, now: () => number = Date.now, storage?: Storage) {
    this.folder = folder;
    this.#now = now;
    this.repository_folder = join(folder, "repository");
    this.storage = storage ?? directoryStorage(this.repository_folder);
    this.database = new DatabaseSync(join(folder, "database.sqlite"));
    this.database.exec("PRAGMA synchronous = off");
    this.key = parseKey(readFileSync(join(folder, "key.json"), "utf8"), "key.json");
  }

  /** An empty repository, in `storage` or in the folder, and a database: empty, or as `source` is. */
  static async make(now: () => number = Date.now, storage?: Storage, source?: DatabaseSync): Promise<Vault> {
    const folder = mkdtempSync(join(tmpdir(), "prism-vault-"));
    const place = storage ?? directoryStorage(join(folder, "repository"));
    const { escrow, writer } = await initRepository(place, { escrow: "e", writer: "w" }, now(), never);
    writeFileSync(join(folder, "key.json"), formatKey(joinKeys(writer, escrow)));
    source?.exec(`VACUUM INTO '${join(folder, "database.sqlite")}'`);
    return new Vault(folder, now, storage);
  }

  /** Another one that is the same. `now`: its clock. */
  copy(now: () => number = this.#now): Vault {
    const folder = mkdtempSync(join(tmpdir(), "prism-vault-"));
    cpSync(this.folder, folder, { recursive: true });
    return new Vault(folder, now);
  }

  async open<T>(work: (repository: Repository) => Promise<T>, storage = this.storage): Promise<T> {
    const repository = await openRepository(storage, this.key, { now: this.#now, patience: this.patience });
    try {
      return await work(repository);
    } finally {
      await repository.close();
    }
  }

  /** `storage` and `connection`: what stands before the repository and the database. */
  async take(
    storage = this.storage,
    connection: D1Connection = sqliteD1(this.database),
    tags: readonly string[] = [],
  ): Promise<Taken> {
    const database = { id: "db", name: "prism-db", connection, bookmark: async () => null };
    const options = { full: false, tool: "test 1", requests: () => 0, on_bytes: () => {} };
    const sources = { stack: "local", database, stores: null };
    return await this.open(
      (repository) => takeSnapshot(repository, sources, { ...options, tags, now: this.#now }),
      storage,
    );
  }

  /** Loads a snapshot, as a restore does. */
  async load(id: string, to: D1Connection, storage = this.storage): Promise<void> {
    await this.open(async (repository) => {
      const snapshot = await repository.openSnapshot(id);
      const hooks = { signal: never };
      await loadDatabase(snapshot, await readManifest(snapshot), to, hooks);
    }, storage);
  }

  /** Tables that are not in the database as the snapshot says. */
  async differences({ inventory }: Pick<Taken, "inventory">, database = this.database): Promise<string[]> {
    const connection = sqliteD1(database);
    const { tables } = await readSchema(connection);
    const differences: string[] = [];
    for (const { name, rows, digest } of inventory.database.tables) {
      const table = tables.find((one) => one.name === name);
      const hash = table && (await hashTable(connection, table));
      if (hash?.rows !== rows || hash.digest !== digest) differences.push(name);
    }
    return differences;
  }

  /** Damages of everything, read to the last byte. */
  async damages() {
    const { findings } = await this.open((repository) => repository.verifyData(100));
    return findings.filter(({ severity }) => severity === "damage");
  }

  /** Leases of whoever lost the power are as old as when somebody comes back. */
  ageLeases(): void {
    const locks = join(this.repository_folder, "locks");
    if (!existsSync(locks)) return;
    const old_s = Date.now() / 1000 - 3_600;
    for (const name of readdirSync(locks)) utimesSync(join(locks, name), old_s, old_s);
  }

  remove(): void {
    this.database.close();
    rmSync(this.folder, { recursive: true });
  }
}
