/**
 * Under which name workerd keeps a bucket's objects. Miniflare's own port hands out the objects of a bucket whose name a request says
 * (`/cdn-cgi/local/r2/public/NAME/KEY`), with no secret and no way to turn that off: so the name is the secret.
 */
import { createHmac } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { durableObjectFile } from "./durable-object-file.ts";

/** @param secret lasts as long as the data folder. */
export function bucketStorageName(bucket: string, secret: string): string {
  return `${bucket}--${createHmac("sha256", secret).update(bucket).digest("hex").slice(0, 32)}`;
}

/** Gives the objects of buckets their secret names, where an older platform kept them under the bucket's own. workerd must not run. */
export function hideBuckets(persist_dir: string, buckets: readonly string[], secret: string): void {
  for (const bucket of buckets) {
    const [from, to] = [bucket, bucketStorageName(bucket, secret)].map((name) => {
      const rows = durableObjectFile(join(persist_dir, "r2"), "R2BucketObject", name);
      return [...["-shm", "-wal", ""].map((ending) => `${rows}${ending}`), join(persist_dir, "r2", name)];
    }) as [string[], string[]];
    // Each by itself: a start that was killed in between is finished by the next.
    from.forEach((path, index) => {
      if (existsSync(path)) renameSync(path, to[index] as string);
    });
  }
}
