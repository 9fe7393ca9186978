/**
 * What an API token may do through S3, by the scopes that its permission groups give (`rest/account-tokens.ts`). Pure.
 *
 * `r2:read` and `r2:edit` are for every bucket and for buckets themselves; `objects:read:<bucket>` and `objects:edit:<bucket>` for the
 * objects of one. https://developers.cloudflare.com/r2/api/tokens/
 */
import { S3Error } from "./s3-error.ts";

export interface Asked {
  method: string;
  /** Empty for the list of buckets. */
  bucket: string;
  /** Empty for the bucket itself. */
  key: string;
  /** Bucket that a copy reads from. */
  copied_from: string | undefined;
  /** The request changes or lists objects, not the bucket, although it names no key. */
  of_objects: boolean;
}

/** @param scopes undefined for a token that may do everything. @throws S3Error AccessDenied. */
export function refuseUnlessAllowed(scopes: readonly string[] | undefined, asked: Asked): void {
  if (scopes === undefined) return;
  const { method, bucket, key, copied_from, of_objects } = asked;
  const reads = method === "GET" || method === "HEAD";
  const may = (verb: "read" | "edit", name: string, objects: boolean) =>
    [verb, "edit"].some(
      (one) => scopes.includes(`r2:${one}`) || (objects && scopes.includes(`objects:${one}:${name}`)),
    );
  const objects = bucket !== "" && (key !== "" || of_objects || reads);
  const allowed =
    may(reads ? "read" : "edit", bucket, objects) && (copied_from === undefined || may("read", copied_from, true));
  if (!allowed)
    throw new S3Error(
      "AccessDenied",
      `The token of this access key has no permission group that lets it ${reads ? "read" : "change"} ${bucket === "" ? "the list of buckets" : bucket}.`,
    );
}
