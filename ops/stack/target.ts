/**
 * A stack as commands see it. Each part is looked for when it is asked for, so that a command needs of the environment what its own
 * work needs and no more. Types alone: who finds a stack and who uses one meet here.
 */
import type { Stack } from "../../infra/inventory.ts";
import type { AccountResources } from "../cloudflare/account-resources.ts";
import type { CloudflareAddress } from "../cloudflare/api.ts";
import type { S3Credentials } from "../cloudflare/s3-credentials.ts";

/** The Worker's HTTP API. */
export interface ServiceAddress {
  /** Base, without a trailing slash. */
  url: string;
  /** The bootstrap secret, `API_SECRET`: admin of every tenant. */
  secret: string;
}

/** What must be known of a stack; all else its account tells. */
export interface StackAddresses {
  /** Cloudflare's API for the stack's account. @throws OpsError naming what the environment lacks. */
  api(): Promise<CloudflareAddress>;
  /** @throws OpsError naming what the environment lacks. */
  service(): Promise<ServiceAddress>;
  /** Base of R2's S3 API. @throws OpsError as `api`. */
  s3Url(): Promise<string>;
}

/** R2's S3 API. */
interface S3Access {
  endpoint: string;
  /** Those of the API token in use: they may do with buckets what it may. */
  credentials: S3Credentials;
}

export interface StackTarget extends Omit<StackAddresses, "s3Url"> {
  stack: Stack;
  /** Enough for a bucket whose name is known, whatever else of the stack is gone. @throws OpsError as `api`. */
  s3(): Promise<S3Access>;
  /** What the stack consists of, asked anew each time. @throws OpsError when it was not deployed or something of it is missing. */
  resources(): Promise<StackResources>;
}

export interface StackResources extends AccountResources {
  s3: S3Access;
}
