/**
 * One account token for each job, with what that job needs and no more, and an end. R2's S3 credentials are derived from
 * them: the access key is the token's id, the secret key the SHA-256 of its value.
 */
import { createHash } from "node:crypto";
import { AccountToken, getAccountApiTokenPermissionGroupsList } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { accountId, plan } from "./account.ts";
import { config, stack } from "./config.ts";
import { BUCKETS, nameInStack, SERVICE } from "./inventory.ts";
import { type TokenGrant, tokenGrants } from "./token-grants.ts";

const GRANTS = tokenGrants(plan);

const SCOPE = {
  account: "com.cloudflare.api.account",
  zone: "com.cloudflare.api.account.zone",
  bucket: "com.cloudflare.edge.r2.bucket",
} as const;
type Scope = keyof typeof SCOPE;

const groups = (await getAccountApiTokenPermissionGroupsList({ accountId })).results;

/** Id of a permission group. The names are Cloudflare's and may change: a missing one is an error, not a weaker token. */
function groupId(name: string, scope: Scope): { id: string } {
  const group = groups.find((entry) => entry.name === name && entry.scopes.includes(SCOPE[scope]));
  if (group) return { id: group.id };
  throw new pulumi.RunError(
    `Cloudflare knows no permission group «${name}» for ${scope} tokens. It may have been renamed: ` +
      "compare with https://developers.cloudflare.com/fundamentals/api/reference/permissions/ and correct infra/tokens.ts",
  );
}

const allow = (names: readonly string[], scope: Scope, resources: readonly string[]) => ({
  effect: "allow",
  permissionGroups: names.map((name) => groupId(name, scope)),
  resources: JSON.stringify(Object.fromEntries(resources.map((resource) => [resource, "*"]))),
});

function policies({ account, zone, read, write }: TokenGrant) {
  const objects = (buckets: TokenGrant["read"] = []) =>
    buckets.map((noun) => `${SCOPE.bucket}.${accountId}_default_${nameInStack(BUCKETS[noun].name, stack)}`);
  return [
    ...(account ? [allow(account, "account", [`${SCOPE.account}.${accountId}`])] : []),
    ...(zone && config.zone ? [allow(zone, "zone", [`${SCOPE.zone}.${config.zone.id}`])] : []),
    ...(read ? [allow(["Workers R2 Storage Bucket Item Read"], "bucket", objects(read))] : []),
    ...(write ? [allow(["Workers R2 Storage Bucket Item Write"], "bucket", objects(write))] : []),
  ];
}

function token(job: string, grant: TokenGrant): AccountToken {
  return new AccountToken(`${SERVICE}-token-${job}`, {
    accountId,
    name: `${nameInStack(SERVICE, stack)} ${job}`,
    policies: policies(grant),
    expiresOn: `${config.tokensExpire}T00:00:00Z`,
  });
}

export const tokens = {
  deploy: token("deploy", GRANTS.deploy),
  backup: token("backup", GRANTS.backup),
  restore: token("restore", GRANTS.restore),
  reports: token("reports", GRANTS.reports),
};
const logpushToken = GRANTS.logpush ? token("logpush", GRANTS.logpush) : null;

interface S3Credentials {
  access_key_id: pulumi.Output<string>;
  secret_access_key: pulumi.Output<string>;
}

export function s3Credentials({ id, value }: AccountToken): S3Credentials {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  return { access_key_id: id, secret_access_key: pulumi.secret(value).apply(sha256) };
}

/** Null where the plan has no Logpush. */
export const logpushCredentials = logpushToken && s3Credentials(logpushToken);
