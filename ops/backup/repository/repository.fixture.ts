/** For tests: small repositories in temporary folders. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { directoryStorage } from "../../storage/directory-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import { initRepository, keyAdministration } from "./key-administration.ts";
import { type BackupKey, joinKeys } from "./key-file.ts";
import { openRepository } from "./open-repository.ts";
import type { Repository, RepositoryOptions, SnapshotInfo } from "./repository.ts";

export const NOVEMBER_MS = Date.parse("2026-11-20T02:00:00Z");
export const DECEMBER_MS = Date.parse("2026-12-01T02:00:00Z");

export interface TestRepository {
  folder: string;
  storage: Storage;
  escrow: BackupKey;
  writer: BackupKey;
  /** Reads, writes and administers. */
  master: BackupKey;
  open(key?: BackupKey, options?: RepositoryOptions): Promise<Repository>;
  keys(key?: BackupKey): ReturnType<typeof keyAdministration>;
  /** Every object's key, ascending. */
  objects(): string[];
  remove(): Promise<void>;
}

const signal = new AbortController().signal;

export async function newRepository(): Promise<TestRepository> {
  const folder = mkdtempSync(join(tmpdir(), "prism-repository-"));
  const storage = directoryStorage(folder);
  const names = { escrow: "escrow", writer: "nightly" };
  const { escrow, writer } = await initRepository(storage, names, NOVEMBER_MS, signal);
  const master = joinKeys(escrow, writer);
  const opened: Repository[] = [];
  return {
    folder,
    storage,
    escrow,
    writer,
    master,
    async open(key = master, options = {}) {
      const repository = await openRepository(storage, key, { now: () => NOVEMBER_MS, ...options });
      opened.push(repository);
      return repository;
    },
    keys: (key = master) => keyAdministration(storage, key, signal),
    objects: () =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((path) => !path.startsWith(".") && statSync(join(folder, path)).isFile())
        .sort(),
    async remove() {
      for (const repository of opened) await repository.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A snapshot of these texts, each a part of its own; `body` and `summary` name them. */
export async function snapshotOf(repository: Repository, texts: readonly string[]): Promise<SnapshotInfo> {
  const writer = await repository.beginSnapshot({ tool: "test/1" });
  const ids: string[] = [];
  for (const text of texts) ids.push((await writer.putPart("text", Buffer.from(text))).id);
  return await writer.commit({ summary: { texts: texts.length }, body: { ids } });
}

/** What `snapshotOf` put in, read and verified. */
export async function textsOf(repository: Repository, id: string): Promise<string[]> {
  const snapshot = await repository.openSnapshot(id);
  const { ids } = (await snapshot.body()) as { ids: string[] };
  return await Promise.all(ids.map(async (part) => Buffer.from(await snapshot.readPart(part)).toString()));
}
