/**
 * Keys of a repository as people keep them: one JSON file each. Every key file names the repository and its root, the
 * public key that proves everything else, so that whoever holds a key needs nothing more than the repository.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { loadAsOneFile } from "../../as-one-file.ts";
import { OpsError } from "../../command/errors.ts";
import type { age as official } from "./age-official.ts";
import { refused } from "./damage.ts";
import { signingKey } from "./signed.ts";

let library: typeof official | undefined;
/** Most commands that know of keys open nothing. */
const age = (): typeof official => {
  library ??= (loadAsOneFile(join(import.meta.dirname, "age-official.ts")) as { age: typeof official }).age;
  return library;
};

const base64url32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "32 bytes in base64url");

const KeyFile = z.strictObject({
  prism_backup_key: z.literal(1),
  /** Of the key, not of the repository: what lists and signatures call it. */
  name: z.string().min(1),
  /** Id of the repository. */
  repository: z.uuid(),
  /** Ed25519 public key that signs the repository's configuration. */
  root: base64url32,
  /** age identity: opens content. */
  identity: z.string().startsWith("AGE-SECRET-KEY-").optional(),
  /** Ed25519 seed whose public key is `root`: decides who reads and writes. */
  root_seed: base64url32.optional(),
  /** Ed25519 seed that signs snapshots. */
  signer_seed: base64url32.optional(),
  /** Names, authenticates and seals metadata; opens no content. */
  writer_secret: base64url32.optional(),
});
export type BackupKey = z.infer<typeof KeyFile>;

export const randomKey = (): string => randomBytes(32).toString("base64url");

/** What `BackupKey` says in a file. */
export const formatKey = (key: BackupKey): string => `${JSON.stringify(key, null, 2)}\n`;

/** @throws OpsError when it is no key file. `from` names it in messages; its content is never repeated. */
export function parseKey(text: string, from: string): BackupKey {
  let value: unknown;
  try {
    // As an editor of Windows may have left it.
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    value = undefined;
  }
  const parsed = KeyFile.safeParse(value);
  if (!parsed.success) {
    const fields = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "file"}: ${message}`).join("; ");
    const unread = text.trim() === "" ? "it is empty" : "it is no JSON, or cut off";
    throw refused(
      "read key",
      from,
      `not a PRISM backup key: ${value === undefined ? unread : fields}`,
      "name a key file as npm run ops -- backup create --init DIR writes them",
      "key-unreadable",
    );
  }
  const { root, root_seed } = parsed.data;
  if (root_seed !== undefined && signingKey(root_seed).public !== root) {
    const cause = "its root_seed does not belong to its root";
    throw refused("read key", from, cause, "use the file as it was written", "key-unreadable");
  }
  return parsed.data;
}

/** One key that can do what any of these can. @throws OpsError when they belong to different repositories. */
export function joinKeys(first: BackupKey, ...others: readonly BackupKey[]): BackupKey {
  for (const { repository, root, name } of others) {
    if (repository === first.repository && root === first.root) continue;
    const cause = `it belongs to repository ${repository}, ${first.name} to ${first.repository}`;
    throw refused("join key", name, cause, "give keys of one repository", "foreign-key");
  }
  return Object.assign({}, ...[...others].reverse(), first) as BackupKey;
}

/** A new pair to read with: the identity is for the key file, the recipient may be known to everybody. */
export async function generateReader(): Promise<{ identity: string; recipient: string }> {
  const identity = await age().generateX25519Identity();
  return { identity, recipient: await age().identityToRecipient(identity) };
}

export async function recipientOf(identity: string): Promise<string> {
  return await age().identityToRecipient(identity);
}

/** An age file (https://age-encryption.org/v1) that each of the recipients can open. */
export async function encryptTo(recipients: readonly string[], plain: Uint8Array): Promise<Uint8Array> {
  const encrypter = new (age().Encrypter)();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw new OpsError(
        {
          op: "encrypt for",
          subject: recipient,
          cause: error instanceof Error ? error.message : String(error),
          hint: "give a public key of age: age1…",
        },
        { error },
      );
    }
  }
  return await encrypter.encrypt(plain);
}

/** Undefined when none of the identities opens it. */
export async function decryptWith(
  identities: readonly string[],
  encrypted: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (identities.length === 0) return undefined;
  const decrypter = new (age().Decrypter)();
  for (const identity of identities) decrypter.addIdentity(identity);
  return await decrypter.decrypt(encrypted).catch(() => undefined);
}

/** `work_factor`: base-2 logarithm of scrypt's cost; 18 takes about a second. */
export async function lockWithPassphrase(key: BackupKey, passphrase: string, work_factor = 18): Promise<Uint8Array> {
  const encrypter = new (age().Encrypter)();
  encrypter.setScryptWorkFactor(work_factor);
  encrypter.setPassphrase(passphrase);
  return await encrypter.encrypt(formatKey(key));
}

/** Undefined when the passphrase is another one. */
export async function unlockWithPassphrase(locked: Uint8Array, passphrase: string): Promise<BackupKey | undefined> {
  const decrypter = new (age().Decrypter)();
  decrypter.addPassphrase(passphrase);
  const text = await decrypter.decrypt(locked, "text").catch(() => undefined);
  return text === undefined ? undefined : parseKey(text, "the key behind the passphrase");
}
