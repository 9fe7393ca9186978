/**
 * Which key this machine has for a repository: files that `--key-file` names, else the environment, else the data folder.
 *
 * PRISM_BACKUP_KEY holds a key file's content (a secret of CI), PRISM_BACKUP_KEY_FILE its path, PRISM_BACKUP_PASSPHRASE opens
 * one that lies in the repository. The data folder has the keys of repositories that were made from here.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { misuse } from "../command/errors.ts";
import type { Environment } from "../command/invocation.ts";
import { outputFolder, writeOutput } from "../command/output-file.ts";
import { absent, type Storage } from "../storage/storage.ts";
import { newestCopies } from "./repository/configuration.ts";
import { keyFromPassphrase, type NewKeys } from "./repository/key-administration.ts";
import { type BackupKey, formatKey, joinKeys, parseKey } from "./repository/key-file.ts";
import { CONFIG, epochsIn } from "./repository/layout.ts";
import { unverifiedJson } from "./repository/signed.ts";

/** In the data folder, readable by its owner only. */
const FOLDER = "backup-keys";

/** What the key that reads is called in a new repository. */
export const ESCROW = "escrow";

/** Id of the repository in a place, as it says itself: nothing proves it yet. Null where there is none. */
export async function claimedId(storage: Storage, signal: AbortSignal): Promise<string | null> {
  const object = (await storage.read(CONFIG, signal).catch(absent)) ?? (await copyUnderLock(storage, signal));
  if (object === undefined) return null;
  const claim = z.object({ repository: z.string() }).safeParse(unverifiedJson(object.body));
  return claim.data?.repository ?? "";
}

/** What is used where the configuration is lost, or was not copied yet. */
async function copyUnderLock(storage: Storage, signal: AbortSignal) {
  const [copy] = await newestCopies(storage, await epochsIn(storage, signal), signal);
  return copy && (await storage.read(copy.key, signal).catch(absent));
}

/** @throws OpsError naming the ways to give a key when none fits. */
export async function keyAtHand(
  storage: Storage,
  repository: string,
  options: {
    key_files: readonly string[];
    data_dir: string;
    keys_to?: string | undefined;
    env: Environment;
    signal: AbortSignal;
  },
): Promise<BackupKey> {
  const { key_files, data_dir, keys_to, env, signal } = options;
  const named = [
    ...key_files,
    ...(key_files.length === 0 && env.PRISM_BACKUP_KEY_FILE ? [env.PRISM_BACKUP_KEY_FILE] : []),
  ];
  const keys: BackupKey[] = [];
  for (const path of named) keys.push(await readKey(path));
  if (keys.length === 0 && keys_to !== undefined) keys.push(...(await keysIn(keys_to, repository)));
  if (keys.length === 0 && env.PRISM_BACKUP_KEY) keys.push(parseKey(env.PRISM_BACKUP_KEY, "PRISM_BACKUP_KEY"));
  if (keys.length === 0 && env.PRISM_BACKUP_PASSPHRASE)
    keys.push(await keyFromPassphrase(storage, env.PRISM_BACKUP_PASSPHRASE, signal));
  if (keys.length === 0) keys.push(...(await keysIn(join(data_dir, FOLDER), repository)));
  const [first, ...others] = keys;
  if (first !== undefined) return joinKeys(first, ...others);
  throw misuse({
    op: "open repository",
    subject: storage.location,
    cause: `there is no key for it: none named, none in ${join(data_dir, FOLDER)}`,
    hint: "name its key: --key-file FILE, or PRISM_BACKUP_KEY_FILE, PRISM_BACKUP_KEY, PRISM_BACKUP_PASSPHRASE",
    reason: "no-key",
  });
}

/** Where `keepKeys` puts a key. */
export function keyPath(folder: string, { repository, name }: Pick<BackupKey, "repository" | "name">): string {
  return join(folder, `${repository}-${name}.json`);
}

/** Files of the keys of a new repository, in `folder` or the data folder. */
export async function keepKeys(keys: NewKeys, data_dir: string, folder: string | undefined): Promise<string[]> {
  const into = folder ?? join(data_dir, FOLDER);
  const op = "write the keys into";
  outputFolder(into, op, 0o700);
  const paths: string[] = [];
  for (const key of [keys.escrow, keys.writer]) {
    const path = keyPath(into, key);
    await writeOutput(path, { op, is_new: true, mode: 0o600 }, async () => formatKey(key));
    paths.push(path);
  }
  return paths;
}

async function readKey(path: string): Promise<BackupKey> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw misuse(
      {
        op: "read key",
        subject: path,
        cause: (error as Error).message,
        hint: "name a file that can be read",
        reason: "key-unreadable",
      },
      error,
    );
  });
  return parseKey(text, path);
}

/**
 * The keys of a repository in the folder. Files that are no keys, or another repository's torn one, stand in nobody's way.
 * @throws OpsError for one that cannot be read and has the repository's name, or where no other fits.
 */
async function keysIn(folder: string, repository: string): Promise<BackupKey[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  const keys: BackupKey[] = [];
  let unread: unknown;
  for (const name of names) {
    try {
      const key = await readKey(join(folder, name));
      if (key.repository === repository) keys.push(key);
    } catch (error) {
      if (name.startsWith(repository)) throw error;
      unread ??= error;
    }
  }
  if (keys.length === 0 && unread !== undefined) throw unread;
  return keys;
}
