/**
 * Local Time Travel: periodic copies of each D1 database's SQLite file, and restores from them.
 *
 * Cloudflare keeps every transaction; this keeps a state once a minute while something changes (granularity:
 * `TIME_TRAVEL_SNAPSHOT_INTERVAL_MS`), plus the exact state at each bookmark request and before each restore.
 * Copies are made beside a running workerd, whose writers do not wait for them; nor does who asked for a bookmark.
 * `platform.ts` composes it with the engine; `rest/d1-time-travel.ts` is its face.
 */
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import {
  TIME_TRAVEL_RESTORE_WINDOW_MS,
  TIME_TRAVEL_RESTORES_PER_WINDOW,
  TIME_TRAVEL_WINDOW_MS,
} from "../infra/cloudflare-limits.ts";
import type { Engine } from "./engine.ts";
import { TIME_TRAVEL_SNAPSHOT_INTERVAL_MS } from "./limits.ts";
import { bookmarkAt, bookmarkTime_ms, type Snapshot, surplusSnapshots } from "./time-travel-bookmarks.ts";

/** Copied in one go by a thread; between two of them the copy waits for its turn on the event loop. */
const COPY_PAGES_PER_STEP = 10_000;

/** Time Travel cannot do what was asked; the message says why. */
export class TimeTravelRefusal extends Error {}

interface Restored {
  /** The state after the restore. */
  bookmark: string;
  /** The state just before it: restoring this one undoes the restore. */
  previous_bookmark: string;
}

type TimeTravelEngine = Pick<Engine, "registry" | "now" | "d1File" | "exclusively">;

export class TimeTravel {
  readonly #engine: TimeTravelEngine;
  readonly #directory: string;
  /** How each database's files looked at its newest snapshot: unchanged files need no new one. */
  readonly #seen = new Map<string, string>();
  readonly #restores = new Map<string, number[]>();
  #turn: Promise<unknown> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  /** Begins the periodic snapshots. `dir` holds one folder of them for each database. */
  constructor({ engine, dir }: { engine: TimeTravelEngine; dir: string }) {
    this.#engine = engine;
    this.#directory = dir;
    this.#timer = setInterval(() => {
      // A failed periodic snapshot only coarsens the granularity; the next one tries again.
      this.snapshotAll().catch(() => {});
    }, TIME_TRAVEL_SNAPSHOT_INTERVAL_MS).unref();
  }

  /** Ends the periodic snapshots and waits for a running one. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turn.catch(() => {});
  }

  /** Takes a snapshot of every database that changed since its last one. */
  async snapshotAll(): Promise<void> {
    for (const { uuid } of this.#engine.registry.list("d1"))
      await this.#exclusiveTurn(() => this.#snapshot(uuid, false));
  }

  /** The bookmark of the state right now. What it stands for is copied behind the answer, as Cloudflare lets nobody wait for it. */
  bookmarkNow(databaseId: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#exclusiveTurn(() => this.#snapshot(databaseId, true, resolve)).then(resolve, reject);
    });
  }

  /**
   * The bookmark of the newest kept state at or before `at_ms`; the empty database for a time before its first state.
   * @throws TimeTravelRefusal outside the window, before the database existed, or in the future.
   */
  async bookmarkAt(databaseId: string, at_ms: number): Promise<string> {
    await this.#turn;
    const now_ms = this.#engine.now();
    const created_ms = this.#createdAt(databaseId);
    if (at_ms > now_ms) throw new TimeTravelRefusal(`${iso(at_ms)} is in the future (now: ${iso(now_ms)})`);
    if (at_ms < now_ms - TIME_TRAVEL_WINDOW_MS || at_ms < created_ms)
      throw new TimeTravelRefusal(
        `no history available for ${iso(at_ms)}: Time Travel reaches back to ${iso(Math.max(created_ms, now_ms - TIME_TRAVEL_WINDOW_MS))}`,
      );
    return this.#snapshots(databaseId).findLast((one) => one.at_ms <= at_ms)?.bookmark ?? bookmarkAt(created_ms, 0, "");
  }

  /**
   * Puts a database back to `bookmark`, in place. Requests wait meanwhile, none fail.
   * @throws TimeTravelRefusal for an unknown bookmark, or the eleventh restore in ten minutes.
   */
  restore(databaseId: string, bookmark: string): Promise<Restored> {
    return this.#exclusiveTurn(async () => {
      const empty = bookmark === bookmarkAt(this.#createdAt(databaseId), 0, "");
      const source = this.#snapshots(databaseId).find((one) => one.bookmark === bookmark);
      if (!source && !empty)
        throw new TimeTravelRefusal(
          `no history available for bookmark ${bookmark}: unknown, older than the window, or its copy failed`,
        );
      this.#spendRestore(databaseId);
      const file = this.#engine.d1File(databaseId);
      const previous_bookmark = await this.#engine.exclusively(async () => {
        // First the copy: the snapshot below may thin out the very one that is wanted.
        if (source && source.bytes > 0) copyFileSync(source.file, `${file}.restoring`);
        const previous = await this.#snapshot(databaseId, true);
        for (const ending of ["", "-wal", "-shm"]) rmSync(`${file}${ending}`, { force: true });
        if (source && source.bytes > 0) renameSync(`${file}.restoring`, file);
        return previous;
      });
      return { bookmark: await this.#snapshot(databaseId, true), previous_bookmark };
    });
  }

  /** Removes a deleted database's history: on Cloudflare it dies with the database. */
  async forget(databaseId: string): Promise<void> {
    await this.#exclusiveTurn(async () => {
      this.#seen.delete(databaseId);
      rmSync(this.#folder(databaseId), { recursive: true, force: true });
    });
  }

  /** Snapshots and restores one after another: a snapshot must never read a file that a restore replaces. */
  #exclusiveTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** `on_held` hears the bookmark as soon as nothing can change what will be copied. */
  async #snapshot(databaseId: string, asked: boolean, on_held = (_bookmark: string) => {}): Promise<string> {
    const file = this.#engine.d1File(databaseId);
    const look = fileLook(file);
    const newest = this.#snapshots(databaseId).at(-1);
    if (newest && this.#seen.get(databaseId) === look) return asked ? this.#markAsked(newest) : newest.bookmark;
    mkdirSync(this.#folder(databaseId), { recursive: true });
    const reader = readerOfNow(file);
    const at_ms = Math.max(this.#engine.now(), newest?.at_ms ?? 0);
    const sequence = newest?.at_ms === at_ms ? newest.sequence + 1 : 1;
    const bookmark = bookmarkAt(at_ms, sequence, randomBytes(16).toString("hex"));
    on_held(bookmark);
    const target = join(this.#folder(databaseId), fileName(bookmark, asked));
    await copyState(reader, `${target}.partial`);
    renameSync(`${target}.partial`, target);
    this.#seen.set(databaseId, look);
    for (const surplus of surplusSnapshots(this.#snapshots(databaseId), this.#engine.now())) rmSync(surplus.file);
    return bookmark;
  }

  #markAsked(snapshot: Snapshot): string {
    if (!snapshot.asked) renameSync(snapshot.file, join(snapshot.file, "..", fileName(snapshot.bookmark, true)));
    return snapshot.bookmark;
  }

  /** Oldest first. The folder is the index: a bookmark carries its time. */
  #snapshots(databaseId: string): Snapshot[] {
    const folder = this.#folder(databaseId);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((name) => name.endsWith(".sqlite"))
      .toSorted()
      .map((name) => {
        const [bookmark = "", mark] = name.split(".");
        const file = join(folder, name);
        return {
          bookmark,
          at_ms: bookmarkTime_ms(bookmark),
          sequence: Number.parseInt(bookmark.slice(18, 26), 16),
          bytes: statSync(file).size,
          asked: mark === "asked",
          file,
        };
      });
  }

  #folder(databaseId: string): string {
    return join(this.#directory, databaseId);
  }

  #createdAt(databaseId: string): number {
    const record = this.#engine.registry.get("d1", databaseId);
    if (!record) throw new TimeTravelRefusal(`no database ${databaseId}`);
    return Date.parse(record.created_at);
  }

  #spendRestore(databaseId: string): void {
    const now_ms = this.#engine.now();
    const recent = (this.#restores.get(databaseId) ?? []).filter((at) => at > now_ms - TIME_TRAVEL_RESTORE_WINDOW_MS);
    if (recent.length >= TIME_TRAVEL_RESTORES_PER_WINDOW)
      throw new TimeTravelRefusal(
        `too many restores: ${TIME_TRAVEL_RESTORES_PER_WINDOW} in ${TIME_TRAVEL_RESTORE_WINDOW_MS / 60_000} minutes are allowed for a database`,
      );
    this.#restores.set(databaseId, [...recent, now_ms]);
  }
}

const iso = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString() : String(ms));

const fileName = (bookmark: string, asked: boolean): string => `${bookmark}${asked ? ".asked" : ""}.sqlite`;

/**
 * A connection that reads the database as it is now until it is closed, whatever is written meanwhile; null where nothing was ever written.
 *
 * Nothing here opens a live database's files by itself: closing any descriptor of a file ends all locks that this process has on it
 * (https://sqlite.org/howtocorrupt.html, 2.2), SQLite's among them, and a writer would then overwrite what is still being read.
 * @throws in SQLite's words.
 */
function readerOfNow(file: string): DatabaseSync | null {
  if (!existsSync(file)) return null;
  const reader = new DatabaseSync(file, { readOnly: true });
  try {
    // A transaction has its state from the first read, not from BEGIN.
    reader.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
    return reader;
  } catch (error) {
    reader.close();
    throw error;
  }
}

/** Writes what `reader` reads into a new file, page by page, and closes it. A database that was never written is an empty file. */
async function copyState(reader: DatabaseSync | null, target: string): Promise<void> {
  if (reader === null) return writeFileSync(target, "");
  try {
    await backup(reader, target, { rate: COPY_PAGES_PER_STEP });
  } finally {
    reader.close();
  }
}

/** Size and change time of the database and its write-ahead log: equal looks, equal contents. */
function fileLook(file: string): string {
  const parts = [file, `${file}-wal`].map((path) => statSync(path, { throwIfNoEntry: false }));
  return parts.map((stats) => (stats ? `${stats.size}@${stats.mtimeMs}` : "-")).join(" ");
}
