/** Which account a stack that is not local is in, and with which token: from the environment, and what the token itself sees. */
import { join } from "node:path";
import type { Stack } from "../../infra/inventory.ts";
import { type CloudflareAddress, createCloudflare } from "../cloudflare/api.ts";
import { misuse, type OpsError } from "../command/errors.ts";
import { readConfigFile } from "./config-values.ts";

const CLOUDFLARE_API = "https://api.cloudflare.com/client/v4";

/** Base of Cloudflare's REST API, as the provider and the program find it too. */
export function cloudflareApiUrl(env: NodeJS.ProcessEnv): string {
  return env.CLOUDFLARE_BASE_URL || CLOUDFLARE_API;
}

/** @throws OpsError where the environment has none. */
export function requiredToken(stack: Stack, env: NodeJS.ProcessEnv): string {
  const token = env.CLOUDFLARE_API_TOKEN ?? "";
  if (token !== "") return token;
  throw notFound(
    stack,
    "CLOUDFLARE_API_TOKEN is not set",
    "export CLOUDFLARE_API_TOKEN=… (npm run ops -- bootstrap makes one)",
  );
}

/**
 * The account by the stack's file in `folder`, the environment, or the one account that the token sees.
 * @throws OpsError naming what is missing.
 */
export async function accountAddress(
  stack: Stack,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  folder: string,
): Promise<CloudflareAddress> {
  const address = { api_url: cloudflareApiUrl(env), account_id: "", token: requiredToken(stack, env) };
  const file = join(folder, `Pulumi.${stack}.yaml`);
  const known = readConfigFile(file).accountId ?? env.CLOUDFLARE_ACCOUNT_ID ?? "";
  if (known !== "") return { ...address, account_id: String(known) };
  const ids: string[] = [];
  for await (const { id } of createCloudflare(address, { signal }).accounts.list()) ids.push(id);
  const [account_id] = ids;
  if (account_id !== undefined && ids.length === 1) return { ...address, account_id };
  throw notFound(
    stack,
    `${file} names no account, and the token sees ${ids.length}`,
    `export CLOUDFLARE_ACCOUNT_ID=…, or pulumi config set prism:accountId ID --stack ${stack}`,
  );
}

/** R2's S3 API of an account. What stands in for Cloudflare's REST API answers S3 on the same host. */
export function r2Url({ api_url, account_id }: CloudflareAddress): string {
  return api_url === CLOUDFLARE_API ? `https://${account_id}.r2.cloudflarestorage.com` : new URL(api_url).origin;
}

/** The environment lacks something, and nothing was done. */
export function notFound(stack: Stack, cause: string, hint: string): OpsError {
  return misuse({ op: "find stack", subject: stack, cause, hint, reason: "not-configured" });
}
