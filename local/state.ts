/**
 * The data folder of a local platform: secrets of this installation, who is running on it, where it answers.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { OPTIONAL_SECRETS, SECRETS, type SecretName } from "../infra/inventory.ts";
import { writeWhole } from "../infra/write-whole.ts";
import { type PlatformFile, platformFile } from "../ops/stack/platform-file.ts";
import { makeFolder } from "../ops/storage/make-folder.ts";

const secretsSchema = z.strictObject(
  Object.fromEntries(SECRETS.map((name) => [name, z.string()])) as Record<SecretName, z.ZodString>,
);
/** Values of the Worker's secrets. */
export type Secrets = z.infer<typeof secretsSchema>;

const identitySchema = z.strictObject({
  account_id: z.string(),
  /** The API token that ops and the SDKs use against the local REST API. */
  token: z.strictObject({ id: z.string(), value: z.string() }),
  secrets: secretsSchema,
  /** The key `npm start` prints: every scope, tenant `default`. Kept because a key is shown only once. */
  admin_key: z.string().nullable(),
});
type Identity = z.infer<typeof identitySchema>;

/** Only the owner may read what is in here. */
const PRIVATE = { mode: 0o600 };

export class DataFolder {
  readonly path: string;
  #lock: DatabaseSync | null = null;

  constructor(path: string) {
    this.path = path;
    makeFolder(join(path, "engine"), 0o700);
  }

  get engineDir(): string {
    return join(this.path, "engine");
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /**
   * Claims the folder for this platform. Throws when another one has it: two workerds over the same SQLite files
   * would corrupt each other's view. The claim is a lock of the operating system, so it ends with the process,
   * however that ends.
   */
  claim(): void {
    const lock = new DatabaseSync(this.file("lock.sqlite"));
    try {
      lock.exec("BEGIN EXCLUSIVE");
    } catch {
      lock.close();
      const running = this.#platform();
      const who = running ? ` (pid ${running.pid}, ${running.url})` : "";
      throw new Error(
        `a platform${who} is already running on ${this.path}: ` +
          "stop it, or give this one its own folder with --data DIR or --ephemeral",
      );
    }
    this.#lock = lock;
  }

  announce(platform: PlatformFile): void {
    this.#write("platform.json", platform);
  }

  /** Gives the folder up and removes the announcement; with `everything`, the whole folder. Nothing if not claimed. */
  release(everything: boolean): void {
    if (!this.#lock) return;
    rmSync(everything ? this.path : this.file("platform.json"), { recursive: true, force: true, maxRetries: 3 });
    this.#lock.close();
    this.#lock = null;
  }

  /** The installation's secrets, made on first use; those that the inventory has gained since are added. */
  identity(): Identity {
    const path = this.file("identity.json");
    if (existsSync(path)) {
      const stored = JSON.parse(readFileSync(path, "utf8"));
      return identitySchema.parse({ ...stored, secrets: { ...freshSecrets(), ...stored.secrets } });
    }
    const fresh: Identity = {
      account_id: randomBytes(16).toString("hex"),
      token: { id: randomBytes(16).toString("hex"), value: randomBytes(30).toString("base64url") },
      secrets: freshSecrets(),
      admin_key: null,
    };
    this.remember(fresh);
    return fresh;
  }

  remember(identity: Identity): void {
    this.#write("identity.json", identity);
  }

  #write(name: string, content: object): void {
    writeWhole(this.file(name), `${JSON.stringify(content, null, 2)}\n`, PRIVATE);
  }

  #platform(): PlatformFile | null {
    const path = this.file("platform.json");
    if (!existsSync(path)) return null;
    return platformFile.safeParse(JSON.parse(readFileSync(path, "utf8"))).data ?? null;
  }
}

function freshSecrets(): Secrets {
  const random = () => randomBytes(30).toString("base64url");
  return Object.fromEntries(SECRETS.map((name) => [name, OPTIONAL_SECRETS.has(name) ? "" : random()])) as Secrets;
}

/** R2's S3 credentials of an API token: the id, and the SHA-256 of the value. As Cloudflare derives them. */
export function s3Credentials(token: { id: string; value: string }): {
  access_key_id: string;
  secret_access_key: string;
} {
  return { access_key_id: token.id, secret_access_key: createHash("sha256").update(token.value).digest("hex") };
}
