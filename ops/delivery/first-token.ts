/** The first deploy token of an account: what a deployment may do, and an end. Cloudflare shows its value once. */
import { DEPLOY_PERMISSIONS, LOGPUSH_PERMISSIONS } from "../../infra/deploy-permissions.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { OpsError } from "../command/errors.ts";

const ACCOUNT_SCOPE = "com.cloudflare.api.account";

/** Ids of account tokens of this name. Their values cannot be read. */
export async function tokensNamed(client: Cloudflare, account_id: string, name: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const token of client.accounts.tokens.list({ account_id })) {
    if (token.name === name && token.id !== undefined) ids.push(token.id);
  }
  return ids;
}

/**
 * @param expires day of the end, `YYYY-MM-DD`.
 * @returns the token's value.
 * @throws OpsError when Cloudflare knows one of the permissions no longer: a weaker token is none.
 */
export async function createDeployToken(
  client: Cloudflare,
  account_id: string,
  { name, expires, plan }: { name: string; expires: string; plan: "free" | "paid" },
): Promise<string> {
  const wanted: readonly string[] = [...DEPLOY_PERMISSIONS, ...(plan === "paid" ? LOGPUSH_PERMISSIONS : [])];
  const groups = new Map<string, string>();
  for await (const { id, name: group, scopes } of client.accounts.tokens.permissionGroups.list({ account_id })) {
    if (id && group && scopes?.includes(ACCOUNT_SCOPE)) groups.set(group, id);
  }
  const missing = wanted.filter((group) => !groups.has(group));
  if (missing.length > 0)
    throw new OpsError({
      op: "create token",
      subject: name,
      cause: `Cloudflare knows no permission ${missing.join(", ")}`,
      hint: "compare with https://developers.cloudflare.com/fundamentals/api/reference/permissions/ and correct infra/deploy-permissions.ts",
    });
  const { value = "" } = await client.accounts.tokens.create({
    account_id,
    name,
    expires_on: `${expires}T00:00:00Z`,
    policies: [
      {
        effect: "allow",
        permission_groups: wanted.map((group) => ({ id: groups.get(group) ?? "" })),
        resources: { [`${ACCOUNT_SCOPE}.${account_id}`]: "*" },
      },
    ],
  });
  return value;
}
