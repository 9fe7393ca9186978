/**
 * The data folder of a local platform: secrets of this installation, who is running on it, where it answers.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SECRETS } from "../inventory.ts";

const secretsSchema = z.strictObject(
  Object.fromEntries(SECRETS.map((name) => [name, z.string()])) as Record<(typeof SECRETS)[number], z.ZodString>,
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
export type Identity = z.infer<typeof identitySchema>;

/** Where a running platform answers; ops reads it as the `local` stack. */
export const platformFile = z.strictObject({
  pid: z.number(),
  url: z.string(),
  api_url: z.string(),
  s3_url: z.string(),
  account_id: z.string(),
  api_token: z.string(),
  admin_key: z.string(),
});
export type PlatformFile = z.infer<typeof platformFile>;

/** Only the owner may read what is in here. */
const PRIVATE = { mode: 0o600 };

export class DataFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(join(path, "engine"), { recursive: true, mode: 0o700 });
  }

  get engineDir(): string {
    return join(this.path, "engine");
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /**
   * Claims the folder for this process. Throws when another live process has it: two workerds over the same
   * SQLite files would corrupt each other's view.
   */
  claim(): void {
    const running = this.#platform();
    if (running && running.pid !== process.pid && isAlive(running.pid)) {
      throw new Error(
        `a platform (pid ${running.pid}, ${running.url}) is already running on ${this.path}: ` +
          "stop it, or give this one its own folder with --data DIR or --ephemeral",
      );
    }
  }

  announce(platform: PlatformFile): void {
    writeFileSync(this.file("platform.json"), `${JSON.stringify(platform, null, 2)}\n`, PRIVATE);
  }

  /** Removes the announcement; with `everything`, the whole folder. */
  release(everything: boolean): void {
    rmSync(everything ? this.path : this.file("platform.json"), { recursive: true, force: true, maxRetries: 3 });
  }

  /** The installation's secrets, made on first use. */
  identity(): Identity {
    const path = this.file("identity.json");
    if (existsSync(path)) return identitySchema.parse(JSON.parse(readFileSync(path, "utf8")));
    const fresh: Identity = {
      account_id: randomBytes(16).toString("hex"),
      token: { id: randomBytes(16).toString("hex"), value: randomBytes(30).toString("base64url") },
      secrets: {
        API_SECRET: randomBytes(30).toString("base64url"),
        API_SECRET_PREVIOUS: "",
        JWT_SECRET: randomBytes(30).toString("base64url"),
        JWT_SECRET_PREVIOUS: "",
        KEY_PEPPER: randomBytes(30).toString("base64url"),
        ERROR_WEBHOOK: "",
      },
      admin_key: null,
    };
    this.remember(fresh);
    return fresh;
  }

  remember(identity: Identity): void {
    writeFileSync(this.file("identity.json"), `${JSON.stringify(identity, null, 2)}\n`, PRIVATE);
  }

  #platform(): PlatformFile | null {
    const path = this.file("platform.json");
    if (!existsSync(path)) return null;
    return platformFile.safeParse(JSON.parse(readFileSync(path, "utf8"))).data ?? null;
  }
}

/** R2's S3 credentials of an API token: the id, and the SHA-256 of the value. As Cloudflare derives them. */
export function s3Credentials(token: { id: string; value: string }): {
  access_key_id: string;
  secret_access_key: string;
} {
  return { access_key_id: token.id, secret_access_key: createHash("sha256").update(token.value).digest("hex") };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
