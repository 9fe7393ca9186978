/** Where a repository lies: the stack's own bucket, or what `--repository` names. */
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { BUCKETS, nameInStack } from "../../infra/inventory.ts";
import { misuse, type OpsError } from "../command/errors.ts";
import type { Environment } from "../command/invocation.ts";
import type { StackTarget } from "../stack/target.ts";
import { directoryStorage } from "../storage/directory-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import type { Storage } from "../storage/storage.ts";

interface Place {
  storage: Storage;
  /** Ends its connections. */
  close(): void;
}

/**
 * `given`: a folder, or `s3://bucket/prefix?endpoint=https://…&region=…` with its credentials in the environment; the region may be left out, and
 * the endpoint be the bucket's own (`https://bucket.host`). Undefined: the bucket `backups` of the stack.
 * @throws OpsError for an address that is none, or credentials that are missing.
 */
export async function locateRepository(
  given: string | undefined,
  target: () => Promise<StackTarget>,
  env: Environment,
): Promise<Place> {
  if (given === undefined) {
    const { stack, s3 } = await target();
    return bucket({ ...(await s3()), bucket: nameInStack(BUCKETS.backups.name, stack), prefix: "" });
  }
  // As a folder it would be one of this place, or of a name like "https:".
  if (given.trim() === "" || /^(?!s3:)[\w+.-]+:\/\//.test(given))
    throw wrongAddress(
      given,
      "it is neither a folder nor an s3:// address",
      "DIR, or s3://bucket/prefix?endpoint=https://HOST",
    );
  if (!given.startsWith("s3://")) {
    const above = fileAbove(given);
    if (above === given) throw wrongAddress(given, "it is a file", "name the folder that it lies in, or another one");
    if (above !== undefined) throw wrongAddress(given, `${above} is a file`, "name a folder");
    return { storage: directoryStorage(given), close: () => {} };
  }
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const endpoint = url?.searchParams.get("endpoint") ?? "";
  if (url === undefined || !URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw wrongAddress(
      given,
      endpoint === ""
        ? "it has no endpoint"
        : `its endpoint "${endpoint}" is no address that begins with https:// or http://`,
      "s3://bucket/prefix?endpoint=https://HOST names one, &region=NAME its region",
    );
  const region = url.searchParams.get("region");
  const prefix = decoded(url.pathname, given).replace(/^\/+|\/+$/g, "");
  return bucket({
    endpoint,
    bucket: url.host,
    prefix: prefix === "" ? "" : `${prefix}/`,
    credentials: credentialsOf(given, env),
    ...(region !== null && { region }),
  });
}

/**
 * An address that `locateRepository` accepts, as it may be written down: absolute for a folder, and of an address nothing but what says
 * where the bucket is.
 */
export function keptPlace(given: string): string {
  if (!given.startsWith("s3://")) return resolve(given);
  const { host, pathname, searchParams } = new URL(given);
  const endpoint = new URL(searchParams.get("endpoint") ?? "");
  const kept = new URLSearchParams({ endpoint: `${endpoint.origin}${endpoint.pathname}`.replace(/\/$/, "") });
  const region = searchParams.get("region");
  if (region !== null) kept.set("region", region);
  return `s3://${host}${pathname}?${kept}`;
}

/** How a repository was named, for whoever goes on with what was begun. `repository` null: the stack's own. */
export interface KeptOptions {
  repository: string | null;
  /** Absolute paths, on the machine that began. */
  key_files: string[];
}

export function keptOptions(given: { repository?: string | undefined; key_file?: string[] | undefined }): KeptOptions {
  const { repository, key_file = [] } = given;
  return {
    repository: repository === undefined ? null : keptPlace(repository),
    key_files: key_file.map((path) => resolve(path)),
  };
}

function bucket(place: Parameters<typeof s3Storage>[0]): Place {
  const storage = s3Storage(place);
  return { storage, close: () => storage.close() };
}

function credentialsOf(given: string, env: Environment) {
  const access_key_id = env.PRISM_BACKUP_ACCESS_KEY_ID || env.AWS_ACCESS_KEY_ID;
  const secret_access_key = env.PRISM_BACKUP_SECRET_ACCESS_KEY || env.AWS_SECRET_ACCESS_KEY;
  // Of temporary credentials; those of AWS's names belong together.
  const session_token = env.PRISM_BACKUP_ACCESS_KEY_ID ? env.PRISM_BACKUP_SESSION_TOKEN : env.AWS_SESSION_TOKEN;
  if (access_key_id && secret_access_key) return { access_key_id, secret_access_key, session_token };
  throw wrongAddress(
    given,
    "its credentials are not in the environment",
    "export PRISM_BACKUP_ACCESS_KEY_ID=… PRISM_BACKUP_SECRET_ACCESS_KEY=…",
  );
}

/** A prefix as people and other tools write it: blanks and letters of other scripts are encoded in an address. */
function decoded(pathname: string, given: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    throw wrongAddress(given, "its prefix is not percent-encoded UTF-8", "% itself is written %25");
  }
}

function wrongAddress(subject: string, cause: string, hint: string): OpsError {
  return misuse({ op: "open repository", subject, cause, hint });
}

/** The path itself, or what it is said to lie in, where that is a file. */
function fileAbove(path: string): string | undefined {
  for (let at = path; ; at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false });
    if (found !== undefined) return found.isDirectory() ? undefined : at;
    if (dirname(at) === at) return undefined;
  }
}
