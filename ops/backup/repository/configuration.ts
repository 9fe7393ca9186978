/**
 * A repository's configuration: who reads, who writes. Signed by the root key; mutable, with a copy under the bucket
 * lock in every epoch, so that neither losing nor replaying the mutable one hurts for long.
 *
 * Content keys are encrypted to the repository's own age identity, and that identity to every reader: readers come and
 * go without a part being written again.
 */
import { z } from "zod";
import { absent, alreadyThere, objectsUnder, type Storage } from "../../storage/storage.ts";
import { DamagedObject, HINTS, refused } from "./damage.ts";
import { type BackupKey, decryptWith, encryptTo, recipientOf } from "./key-file.ts";
import { CONFIG, configCopyKey, configsOf, epochsIn } from "./layout.ts";
import { sha256 } from "./metadata.ts";
import { signJson, unverifiedJson, verifyJson } from "./signed.ts";

export const Configuration = z.object({
  format: z.literal(1),
  repository: z.uuid(),
  created_at: z.iso.datetime(),
  /** One more with every change. */
  revision: z.int().min(1),
  /** The repository's own identities, newest last; content is encrypted to the last one. */
  keys: z.array(z.object({ recipient: z.string(), identity_for_readers: z.base64() })).min(1),
  readers: z.array(z.object({ name: z.string(), recipient: z.string() })).min(1),
  writers: z.array(z.object({ name: z.string(), signer: z.string() })),
  /** Writers that no longer sign. Of theirs only these manifests, and this pointer, are trusted (SHA-256 of the object). */
  retired: z.array(z.object({ name: z.string(), signer: z.string(), accepted: z.array(z.string()) })),
  /** For readers, encrypted to the repository's newest identity. */
  writer_secret: z.base64(),
  /** Key files, each encrypted with a passphrase. */
  passphrases: z.array(z.object({ name: z.string(), key: z.base64() })),
});
export type Configuration = z.infer<typeof Configuration>;

export interface LoadedConfiguration {
  config: Configuration;
  bytes: Uint8Array;
  sha256: string;
  /** Of `config`; null when it is gone. */
  etag: string | null;
  /** Keys of its copies and older ones', as far as they were listed. */
  copies: ReadonlySet<string>;
  /** False when it was taken from a copy, because `config` is not this one. */
  is_current: boolean;
  warnings: string[];
}

export const signConfiguration = (config: Configuration, root_seed: string): Uint8Array =>
  signJson("config", config, root_seed);

/** Who may sign manifests and the pointer today. */
export const signersOf = (config: Configuration): string[] => config.writers.map(({ signer }) => signer);

/**
 * The newest configuration that the key's root signed: `config`, or a copy under the lock that is newer. `epochs`: those that there are.
 * @throws OpsError: no repository, a foreign one, a newer format, or damaged beyond its copies.
 */
export async function loadConfiguration(
  storage: Storage,
  key: Pick<BackupKey, "repository" | "root">,
  signal: AbortSignal,
  epochs = epochsIn(storage, signal),
): Promise<LoadedConfiguration> {
  const [main, copies] = await Promise.all([
    storage.read(CONFIG, signal).catch(absent),
    epochs.then((names) => newestCopies(storage, names, signal)),
  ]);
  const read = (bytes: Uint8Array) => {
    const id = z.object({ repository: z.string() }).safeParse(unverifiedJson(bytes));
    if (id.success && id.data.repository !== key.repository) {
      const cause = `it is repository ${id.data.repository}, the key is for ${key.repository}`;
      const hint = "name the place or the key that belong together";
      throw refused("open repository", storage.location, cause, hint, "foreign-key");
    }
    return verifyJson("config", bytes, [key.root], Configuration);
  };
  const verified = main && read(main.body);
  if (verified && "problem" in verified && verified.newer) {
    throw refused("open repository", storage.location, `its configuration ${verified.problem}`, HINTS.newer);
  }
  const current = verified && "payload" in verified ? verified.payload : undefined;
  const problem = main === undefined ? "is missing" : verified && "problem" in verified ? verified.problem : undefined;
  const listed = new Set(copies.map(({ key }) => key));
  for (const { key: copy, revision } of copies) {
    if (revision <= (current?.revision ?? 0)) break;
    const { body } = await storage.read(copy, signal);
    const found = read(body);
    if ("problem" in found || found.payload.revision !== revision) continue;
    const warning = `\`${CONFIG}\` ${problem ?? `was replaced by revision ${current?.revision}`}: revision ${revision} is used, from ${copy}`;
    return {
      config: found.payload,
      bytes: body,
      sha256: sha256(body),
      etag: main?.etag ?? null,
      copies: listed,
      is_current: false,
      warnings: [warning],
    };
  }
  if (main && current) {
    return {
      config: current,
      bytes: main.body,
      sha256: sha256(main.body),
      etag: main.etag,
      copies: listed,
      is_current: true,
      warnings: [],
    };
  }
  if (main === undefined && copies.length === 0) {
    const hint = "check the address, or make one: npm run ops -- backup create";
    throw refused("open repository", storage.location, "there is no repository here", hint, "no-repository");
  }
  throw new DamagedObject(CONFIG, problem ?? "cannot be used", HINTS.damaged);
}

/** Copies of the newest epoch that has some, newest first. */
export async function newestCopies(
  storage: Storage,
  epochs: readonly string[],
  signal: AbortSignal,
): Promise<{ key: string; revision: number }[]> {
  for (const epoch of epochs.toReversed()) {
    const prefix = configsOf(epoch);
    const copies: { key: string; revision: number }[] = [];
    for await (const object of objectsUnder(storage, prefix, signal)) {
      copies.push({ key: object.key, revision: Number.parseInt(object.key.slice(prefix.length), 10) });
    }
    if (copies.length > 0) return copies.sort((a, b) => b.revision - a.revision);
  }
  return [];
}

/** What is wrong with a copy under the lock; null when the root signed it for this place. */
export function problemOfConfiguration(object: string, bytes: Uint8Array, key: Pick<BackupKey, "root">): string | null {
  const verified = verifyJson("config", bytes, [key.root], Configuration);
  if ("problem" in verified) return verified.problem;
  const name = configCopyKey("", verified.payload.revision, sha256(bytes)).split("/").at(-1) ?? "";
  return object.endsWith(`/${name}`) ? null : `is revision ${verified.payload.revision}, put in another one's place`;
}

/** Puts the configuration's copy under the lock of an epoch, and `config` itself where it is gone or older. */
export async function secureConfiguration(
  storage: Storage,
  loaded: LoadedConfiguration,
  epoch: string,
  signal: AbortSignal,
): Promise<void> {
  const copy = configCopyKey(epoch, loaded.config.revision, loaded.sha256);
  // Once in an epoch.
  if (!loaded.copies.has(copy)) await storage.create(copy, loaded.bytes, signal).catch(alreadyThere);
  if (loaded.is_current) return;
  loaded.etag = await storage.replace(CONFIG, loaded.bytes, loaded.etag, signal);
  loaded.is_current = true;
}

/** The repository's own identities, for a key that can read; null for one that cannot. @throws OpsError for a reader that was removed. */
export async function repositoryIdentities(config: Configuration, key: BackupKey): Promise<string[] | null> {
  if (key.identity === undefined) return null;
  const identities: string[] = [];
  for (const { identity_for_readers } of config.keys) {
    const opened = await decryptWith([key.identity], Buffer.from(identity_for_readers, "base64"));
    if (opened) identities.push(Buffer.from(opened).toString());
  }
  if (identities.length === config.keys.length) return identities;
  const readers = config.readers.map(({ name }) => name).join(", ");
  const recipient = await recipientOf(key.identity);
  const cause = `${recipient} is not one of its readers (${readers})`;
  const hint = "use the key of a reader, or have one add this recipient";
  throw refused("open repository", key.repository, cause, hint, "foreign-key");
}

/** The writers' secret, from the key itself or, for readers, from the configuration. */
export async function writerSecret(
  config: Configuration,
  key: BackupKey,
  identities: readonly string[] | null,
): Promise<string> {
  if (key.writer_secret !== undefined) return key.writer_secret;
  const opened = await decryptWith(identities ?? [], Buffer.from(config.writer_secret, "base64"));
  if (opened) return Buffer.from(opened).toString("base64url");
  const hint = "give a key file with an identity (to read) or a signer (to write)";
  throw refused("open repository", key.repository, `key ${key.name} can neither read nor write`, hint);
}

/** As `Configuration.keys` holds it. */
export async function wrapIdentity(identity: string, readers: readonly { recipient: string }[]) {
  const encrypted = await encryptTo(
    readers.map(({ recipient }) => recipient),
    Buffer.from(identity),
  );
  return { recipient: await recipientOf(identity), identity_for_readers: Buffer.from(encrypted).toString("base64") };
}
