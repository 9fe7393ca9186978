/**
 * A repository in a directory, laid out as in a bucket: any tool may copy one to the other.
 *
 * A new object is written under `.tmp/`, synced, and linked to its name, which fails where the name is taken: it is there
 * whole or not at all. Replacing compares and renames under a SQLite lock, which the system ends when its holder dies; so does creating on a
 * file system that links nothing.
 */
import { randomBytes } from "node:crypto";
import { renameSync, type Stats, statSync } from "node:fs";
import { link, open, readdir, rm, stat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { STORAGE_PAGE } from "../limits.ts";
import { makeFolder } from "./make-folder.ts";
import { type Storage, StorageError, type StorageFailure, type StoredObject } from "./storage.ts";

const TEMPORARY = ".tmp";
const LOCK = ".lock.sqlite";
/** A file has one name there: exFAT, and much that is mounted over a network. What is really forbidden is so to rename as well. */
const WITHOUT_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);
/** A comparison and a rename take no time; a holder that takes longer is stuck. */
const LOCK_WAIT_MS = 5_000;
/** Younger files under `.tmp/` may belong to a running process. */
const LEFTOVER_AGE_MS = 24 * 3_600_000;

/** `folder` is made when missing. */
export function directoryStorage(folder: string): Storage {
  const root = resolve(folder);
  const pathOf = (key: string): string => join(root, ...key.split("/"));
  let swept = false;

  const writeTemporary = async (body: Uint8Array): Promise<string> => {
    makeFolder(join(root, TEMPORARY), 0o700);
    if (!swept) await sweep(join(root, TEMPORARY));
    swept = true;
    const path = join(root, TEMPORARY, randomBytes(12).toString("hex"));
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(body);
      await file.sync();
    } catch (error) {
      // On a full disk half a file would take what room there is.
      await unlink(path);
      throw error;
    } finally {
      await file.close();
    }
    return path;
  };

  type Take = (temporary: string, path: string) => Promise<void> | void;
  /** Writes the object under another name; `take` gives it its own, or throws. */
  const write = (key: string, body: Uint8Array, signal: AbortSignal, take: Take): Promise<string> =>
    attempt(key, async () => {
      const path = pathOf(key);
      const temporary = await writeTemporary(body);
      try {
        signal.throwIfAborted();
        await makeFolders(root, dirname(path));
        await take(temporary, path);
      } finally {
        await rm(temporary, { force: true });
      }
      await syncFolder(dirname(path));
      return etagOf(await stat(path));
    });

  return {
    location: root,

    create: (key, body, signal) =>
      write(key, body, signal, (temporary, path) =>
        link(temporary, path).catch((error: unknown) => {
          if (!WITHOUT_LINKS.has(codeOf(error) ?? "")) throw error;
          underLock(join(root, LOCK), () => {
            if (statSync(path, { throwIfNoEntry: false }) !== undefined)
              throw new StorageError("exists", `${key}: the name is taken`);
            renameSync(temporary, path);
          });
        }),
      ),

    replace: (key, body, etag, signal) =>
      write(key, body, signal, (temporary, path) =>
        underLock(join(root, LOCK), () => {
          const there = statSync(path, { throwIfNoEntry: false });
          if ((there === undefined ? null : etagOf(there)) !== etag)
            throw new StorageError("changed", `${key} was changed by another process`);
          renameSync(temporary, path);
        }),
      ),

    read: (key, signal) =>
      attempt(key, async () => {
        const file = await open(pathOf(key), "r");
        try {
          const etag = etagOf(await file.stat());
          return { body: await file.readFile({ signal }), etag };
        } finally {
          await file.close();
        }
      }),

    look: (key) => attempt(key, async () => described(key, await stat(pathOf(key)))),

    page: (prefix, after, signal) =>
      attempt(prefix, async () => {
        const found: StoredObject[] = [];
        for await (const key of keysUnder(root, "", prefix, after)) {
          signal.throwIfAborted();
          const there = await stat(pathOf(key)).catch((error: unknown) => {
            if (codeOf(error) === "ENOENT") return undefined;
            throw error;
          });
          if (there === undefined) continue;
          if (found.length === STORAGE_PAGE) return { objects: found, more: true };
          found.push(described(key, there));
        }
        return { objects: found, more: false };
      }),

    folders: (prefix) =>
      attempt(prefix, async () => {
        const entries = await entriesOf(pathOf(prefix));
        return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
      }),

    remove: (key) =>
      attempt(key, async () => {
        await rm(pathOf(key), { force: true });
        await syncFolder(dirname(pathOf(key))).catch((error: unknown) => {
          if (codeOf(error) !== "ENOENT") throw error;
        });
      }),
  };
}

const described = (key: string, there: Stats): StoredObject => ({
  key,
  bytes: there.size,
  etag: etagOf(there),
  modified_ms: there.mtimeMs,
});

/** Every write makes a new file, so its number, time and size name its content. */
const etagOf = ({ ino, mtimeMs, size }: Stats): string => `${ino}-${mtimeMs}-${size}`;

/** Ascending keys under `prefix` after `after`, without reading folders that cannot hold one. */
async function* keysUnder(root: string, folder: string, prefix: string, after: string): AsyncGenerator<string> {
  const entries = (await entriesOf(join(root, folder)))
    .filter(({ name }) => !name.startsWith("."))
    // As a bucket sorts: a folder stands where its name with the slash stands.
    .map((entry) => ({ key: `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`, entry }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { key, entry } of entries) {
    if (entry.isDirectory()) {
      const holdsPrefix = key.startsWith(prefix) || prefix.startsWith(key);
      if (holdsPrefix && (key > after || after.startsWith(key))) yield* keysUnder(root, key, prefix, after);
    } else if (key.startsWith(prefix) && key > after) yield key;
  }
}

async function entriesOf(folder: string) {
  return await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
}

/** Makes the folders, and makes sure that they outlive a power cut as the objects in them do. */
async function makeFolders(root: string, folder: string): Promise<void> {
  const first = makeFolder(folder, 0o700);
  if (first === undefined) return;
  for (let made = folder; made.length >= root.length; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) return;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // A file system that syncs no folder has no other way to be asked.
    if (codeOf(error) !== "EINVAL" && codeOf(error) !== "ENOTSUP") throw error;
  } finally {
    await handle.close();
  }
}

/** Not asynchronous on purpose: two storages of one process cannot wait for each other inside. */
function underLock(path: string, work: () => void): void {
  makeFolder(dirname(path));
  const lock = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
  try {
    lock.exec("BEGIN IMMEDIATE");
    work();
  } finally {
    lock.close();
  }
}

async function sweep(folder: string): Promise<void> {
  const oldest_ms = Date.now() - LEFTOVER_AGE_MS;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const there = await stat(path).catch(() => undefined);
    if (there && there.mtimeMs < oldest_ms) await rm(path, { force: true });
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A folder knows no credentials. */
const MAY_WRITE = "see that this user may read and write there, and that it is not mounted for reading alone (mount)";

const FAILURES: Readonly<Record<string, StorageFailure>> = {
  ENOENT: "missing",
  EEXIST: "exists",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  ENOSPC: "full",
  EDQUOT: "full",
  // A disk that fails, or a mount whose other side went away: both may come back.
  EIO: "unclear",
  ESTALE: "unclear",
  ENOTCONN: "unclear",
  EHOSTDOWN: "unclear",
  ETIMEDOUT: "unclear",
};

async function attempt<T>(key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof StorageError || code === undefined || error instanceof DOMException) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const failure = FAILURES[code] ?? "refused";
    throw new StorageError(failure, `${key}: ${message}`, {
      cause: error,
      hint: failure === "denied" ? MAY_WRITE : undefined,
    });
  }
}
