/**
 * Files that change hands by URL instead of by token: D1 dumps to fetch, SQL files to upload.
 *
 * The unguessable path is the credential, as with R2's presigned URLs on Cloudflare. Contents live in memory until
 * they expire or are taken.
 */
import { createHash, randomBytes } from "node:crypto";
import { type Context, Hono } from "hono";
import { D1_IMPORT_BYTES_MAX } from "../../infra/cloudflare-limits.ts";
import { D1_DUMP_URL_MS } from "../limits.ts";

interface SignedFile {
  filename: string;
  expires_ms: number;
  content: Buffer | null;
}

export class SignedFiles {
  readonly #files = new Map<string, SignedFile>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** URL where `content` can be fetched, or, without content, uploaded to. `c` tells where this API answers. */
  offer(c: Context, filename: string, content: Buffer | null): string {
    for (const [secret, { expires_ms }] of this.#files) if (expires_ms <= this.#now()) this.#files.delete(secret);
    const secret = randomBytes(24).toString("base64url");
    this.#files.set(secret, { filename, expires_ms: this.#now() + D1_DUMP_URL_MS, content });
    const { origin, pathname } = new URL(c.req.url);
    return `${origin}${pathname.slice(0, pathname.indexOf("/accounts/"))}/signed/${secret}/${filename}`;
  }

  /** Takes an uploaded file out, by its name. */
  take(filename: string): Buffer | undefined {
    for (const [secret, file] of this.#files) {
      if (file.filename !== filename || file.content === null) continue;
      this.#files.delete(secret);
      return file.content;
    }
    return undefined;
  }

  /** GET and PUT of the signed URLs; no token needed. */
  routes(): Hono {
    const live = (secret: string): SignedFile | undefined => {
      const file = this.#files.get(secret);
      return file && file.expires_ms > this.#now() ? file : undefined;
    };
    return new Hono()
      .get("/signed/:secret/:filename", (c) => {
        const content = live(c.req.param("secret"))?.content;
        if (!content) return c.text("This link does not exist or has expired", 403);
        return c.body(new Uint8Array(content), 200, { "Content-Type": "application/sql" });
      })
      .put("/signed/:secret/:filename", async (c) => {
        const file = live(c.req.param("secret"));
        if (!file) return c.text("This link does not exist or has expired", 403);
        const content = Buffer.from(await c.req.arrayBuffer());
        if (content.length > D1_IMPORT_BYTES_MAX)
          return c.text(`At most ${D1_IMPORT_BYTES_MAX} bytes can be imported on the local platform`, 413);
        file.content = content;
        return c.body(null, 200, { ETag: `"${createHash("md5").update(content).digest("hex")}"` });
      });
  }
}
