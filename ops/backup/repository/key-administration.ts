/**
 * Who reads and who writes: making a repository, and changing its keys. No part is ever written again for it.
 */
import { randomUUID } from "node:crypto";
import pMap from "p-map";
import { z } from "zod";
import { refusal } from "../../command/errors.ts";
import { REPOSITORY_READERS } from "../../limits.ts";
import { isFailure, objectsUnder, type Storage, type StoredObject } from "../../storage/storage.ts";
import {
  type Configuration,
  type LoadedConfiguration,
  loadConfiguration,
  repositoryIdentities,
  signConfiguration,
  wrapIdentity,
  writerSecret,
} from "./configuration.ts";
import { refused } from "./damage.ts";
import { manifestObjects } from "./history.ts";
import {
  type BackupKey,
  encryptTo,
  generateReader,
  lockWithPassphrase,
  randomKey,
  unlockWithPassphrase,
} from "./key-file.ts";
import { CONFIG, configCopyKey, EPOCHS, POINTER } from "./layout.ts";
import { Manifest, Pointer } from "./manifest.ts";
import { sha256 } from "./metadata.ts";
import { signingKey, unverifiedJson, verifyJson } from "./signed.ts";

/** `escrow` reads and administers: it belongs into a safe. `writer` backs up and can read nothing back. */
export interface NewKeys {
  escrow: BackupKey;
  writer: BackupKey;
}

/**
 * Makes a repository in an empty place. `keep` puts its keys where they last, before there is a repository: one whose keys died
 * with the process could never be opened. @throws OpsError (exit code 3) when there is one.
 */
export async function initRepository(
  storage: Storage,
  names: { escrow: string; writer: string },
  now_ms: number,
  signal: AbortSignal,
  keep: (keys: NewKeys) => Promise<void> = async () => {},
): Promise<NewKeys> {
  const reader = await generateReader();
  const own = await generateReader();
  const root_seed = randomKey();
  const signer_seed = randomKey();
  const writer_secret = randomKey();
  const identity = { prism_backup_key: 1 as const, repository: randomUUID(), root: signingKey(root_seed).public };
  const readers = [{ name: names.escrow, recipient: reader.recipient }];
  const config: Configuration = {
    format: 1,
    repository: identity.repository,
    created_at: new Date(now_ms).toISOString(),
    revision: 1,
    keys: [await wrapIdentity(own.identity, readers)],
    readers,
    writers: [{ name: names.writer, signer: signingKey(signer_seed).public }],
    retired: [],
    writer_secret: await sealedSecret(writer_secret, own.recipient),
    passphrases: [],
  };
  for await (const { key } of objectsUnder(storage, EPOCHS, signal)) {
    const cause = `${key} is there already`;
    throw refused("make repository in", storage.location, cause, "take an empty bucket, prefix or folder");
  }
  const keys: NewKeys = {
    escrow: { ...identity, name: names.escrow, identity: reader.identity, root_seed },
    writer: { ...identity, name: names.writer, signer_seed, writer_secret },
  };
  await keep(keys);
  await storage.create(CONFIG, signConfiguration(config, root_seed), signal).catch((error: unknown) => {
    if (!isFailure(error, "exists")) throw error;
    throw refused(
      "make repository in",
      storage.location,
      "there is one already",
      "open it with its key, or take another place",
    );
  });
  return keys;
}

/** The key file behind a passphrase. @throws OpsError when none of the repository's opens with it. */
export async function keyFromPassphrase(storage: Storage, passphrase: string, signal: AbortSignal): Promise<BackupKey> {
  const { body } = await storage.read(CONFIG, signal);
  const Locked = z.object({ passphrases: z.array(z.object({ key: z.string() })) });
  // Nothing is believed yet: only the passphrase opens a key, and that key then proves the configuration.
  const found = Locked.safeParse(unverifiedJson(body));
  for (const { key } of found.data?.passphrases ?? []) {
    const opened = await unlockWithPassphrase(Buffer.from(key, "base64"), passphrase);
    if (opened) return opened;
  }
  const cause = `none of its ${found.data?.passphrases.length ?? 0} passphrases is this one`;
  throw refused("open repository", storage.location, cause, "type it again, or give a key file", "foreign-key");
}

/** Changes of the keys, for the holder of the root. Each is one new, signed configuration. `dry_run`: it is made, and not published. */
export function keyAdministration(storage: Storage, key: BackupKey, signal: AbortSignal, dry_run = false) {
  const change = async (
    work: (config: Configuration) => Promise<Partial<Configuration>> | Partial<Configuration>,
  ): Promise<Configuration> => {
    const { root_seed } = key;
    if (root_seed === undefined) {
      const cause = `key ${key.name} does not administer it`;
      throw refused("change keys of", storage.location, cause, "give the escrowed key file, one with a `root_seed`");
    }
    const loaded = await loadConfiguration(storage, key, signal);
    const { config } = loaded;
    const next: Configuration = { ...config, ...(await work(config)), revision: config.revision + 1 };
    if (!dry_run) await publish(storage, loaded, next, signConfiguration(next, root_seed), signal);
    return next;
  };
  const identitiesOf = async (config: Configuration): Promise<string[]> => {
    const identities = await repositoryIdentities(config, key);
    if (identities) return identities;
    throw refused(
      "change readers of",
      storage.location,
      `key ${key.name} cannot read`,
      "give the key file of a reader",
    );
  };
  const wrapAll = (identities: readonly string[], readers: Configuration["readers"]) =>
    Promise.all(identities.map((identity) => wrapIdentity(identity, readers)));

  return {
    /** `recipient`: an age public key; without one a pair is made and the key file returned. */
    async addReader(name: string, recipient?: string): Promise<BackupKey | null> {
      const made = recipient === undefined ? await generateReader() : null;
      await change(async (config) => {
        refuseTaken(config.readers, name);
        const readers = [...config.readers, { name, recipient: made?.recipient ?? recipient ?? "" }];
        return { readers, keys: await wrapAll(await identitiesOf(config), readers) };
      });
      const { repository, root } = key;
      return made && { prism_backup_key: 1, name, repository, root, identity: made.identity };
    },

    /** New content is closed to it from now on. What it could read before it may have kept. */
    removeReader: (name: string) =>
      change(async (config) => {
        refuseUnknown(config.readers, name);
        const readers = config.readers.filter((reader) => reader.name !== name);
        if (readers.length === 0) {
          throw refused("remove reader", name, "nobody could read the repository any more", "add another reader first");
        }
        const own = await generateReader();
        const identities = await identitiesOf(config);
        const secret = await writerSecret(config, key, identities);
        return {
          readers,
          keys: await wrapAll([...identities, own.identity], readers),
          writer_secret: await sealedSecret(secret, own.recipient),
        };
      }),

    /** A key file for another machine that backs up. Needs a key that can read or write, for the secret all writers share. */
    async addWriter(name: string): Promise<BackupKey> {
      const signer_seed = randomKey();
      let writer_secret = "";
      await change(async (config) => {
        refuseTaken([...config.writers, ...config.retired], name);
        writer_secret = await writerSecret(config, key, await repositoryIdentities(config, key));
        return { writers: [...config.writers, { name, signer: signingKey(signer_seed).public }] };
      });
      const { repository, root } = key;
      return { prism_backup_key: 1, name, repository, root, signer_seed, writer_secret };
    },

    /**
     * What it had signed by `until_ms`, as the storage dates it, stays trusted; whoever stole its key can add nothing. Returns how many of its
     * snapshots stay and do not, and how many writers are left.
     */
    async removeWriter(
      name: string,
      until_ms: number,
    ): Promise<{ trusted: number; distrusted: number; writers_left: number }> {
      let trusted = 0;
      let distrusted = 0;
      const { writers } = await change(async (config) => {
        refuseUnknown(config.writers, name);
        const [gone, left] = split(config.writers, (writer) => writer.name === name);
        const retired = await Promise.all(
          gone.map(async (writer) => {
            const signed = await signedBy(storage, writer.signer, signal);
            const [kept, dropped] = split(signed, ({ modified_ms }) => modified_ms <= until_ms);
            trusted += kept.filter(({ key }) => key !== POINTER).length;
            distrusted += dropped.filter(({ key }) => key !== POINTER).length;
            return { ...writer, accepted: kept.map(({ sha256 }) => sha256) };
          }),
        );
        return { writers: left, retired: [...config.retired, ...retired] };
      });
      return { trusted, distrusted, writers_left: writers.length };
    },

    /** Puts this key file behind a passphrase into the repository. */
    addPassphrase: (name: string, passphrase: string, work_factor?: number) =>
      change(async (config) => {
        refuseTaken(config.passphrases, name);
        const locked = await lockWithPassphrase(key, passphrase, work_factor);
        return { passphrases: [...config.passphrases, { name, key: Buffer.from(locked).toString("base64") }] };
      }),

    removePassphrase: (name: string) =>
      change((config) => {
        refuseUnknown(config.passphrases, name);
        return { passphrases: config.passphrases.filter((passphrase) => passphrase.name !== name) };
      }),
  };
}

/** Manifests and the pointer that bear this signature. */
async function signedBy(
  storage: Storage,
  signer: string,
  signal: AbortSignal,
): Promise<{ key: string; modified_ms: number; sha256: string }[]> {
  const objects = await manifestObjects(storage, signal);
  for await (const object of objectsUnder(storage, POINTER, signal)) if (object.key === POINTER) objects.push(object);
  const read = async ({ key, modified_ms }: StoredObject) => {
    const { body } = await storage.read(key, signal);
    const verified =
      key === POINTER
        ? verifyJson("pointer", body, [signer], Pointer)
        : verifyJson("manifest", body, [signer], Manifest);
    return "problem" in verified ? [] : [{ key, modified_ms, sha256: sha256(body) }];
  };
  return (await pMap(objects, read, { concurrency: REPOSITORY_READERS })).flat();
}

function split<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}

/** The copy under the lock first: if this ends in between, the newer copy is what counts. */
async function publish(
  storage: Storage,
  loaded: LoadedConfiguration,
  next: Configuration,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const epochs = (await storage.folders(EPOCHS, signal)).sort();
  const newest = epochs.at(-1);
  if (newest !== undefined) await storage.create(configCopyKey(newest, next.revision, sha256(bytes)), bytes, signal);
  await storage.replace(CONFIG, bytes, loaded.etag, signal).catch((error: unknown) => {
    if (!isFailure(error, "changed")) throw error;
    const cause = "somebody else changed its keys in the same moment";
    const parts = {
      op: "change keys of",
      subject: storage.location,
      cause,
      hint: "look at the keys and repeat the change",
    };
    throw refusal(parts, error);
  });
}

const sealedSecret = async (secret: string, recipient: string): Promise<string> =>
  Buffer.from(await encryptTo([recipient], Buffer.from(secret, "base64url"))).toString("base64");

function refuseTaken(named: readonly { name: string }[], name: string): void {
  if (named.some((entry) => entry.name === name))
    throw refused("add key", name, "the name is taken", "choose another name");
}

function refuseUnknown(named: readonly { name: string }[], name: string): void {
  if (named.some((entry) => entry.name === name)) return;
  const names = named.map((entry) => entry.name).join(", ");
  throw refused("remove key", name, "there is none of this name", `choose one of: ${names}`);
}
