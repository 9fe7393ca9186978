/**
 * One account token for each job, with what that job needs and no more, and an end. R2's S3 credentials are derived from
 * them: the access key is the token's id, the secret key the SHA-256 of its value.
 */
import { createHash } from "node:crypto";
import { AccountToken, getAccountApiTokenPermissionGroupsList } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { accountId, plan } from "./account.ts";
import { config, stack } from "./config.ts";
import { DEPLOY_PERMISSIONS, LOGPUSH_PERMISSIONS } from "./deploy-permissions.ts";
import { BUCKETS, nameInStack, SERVICE, type TokenKind } from "./inventory.ts";

/** What a token may do: permission groups by the name Cloudflare gives them, on the account, the zone or buckets. */
interface Grant {
  account?: string[];
  zone?: string[];
  /** Objects of these buckets through the S3 API. */
  read?: (keyof typeof BUCKETS)[];
  write?: (keyof typeof BUCKETS)[];
}

const GRANTS = {
  deploy: {
    account: [...DEPLOY_PERMISSIONS, ...(plan.logpush ? LOGPUSH_PERMISSIONS : [])],
    zone: ["DNS Write", "Health Checks Write", "Workers Routes Write", "Zone Read", "Zone WAF Write"],
  },
  backup: {
    // D1 Write, for every query by REST needs it and the change log is trimmed after a backup.
    account: ["D1 Write", "Vectorize Read", "Workers KV Storage Read", "Workers Scripts Read"],
    read: ["vectors", "audit"],
    write: ["backups"],
  },
  restore: {
    account: ["D1 Write", "Vectorize Write", "Workers KV Storage Write", "Workers Scripts Read"],
    // Write, for a restore keeps what it reads from being pruned by a lease in the repository.
    write: ["backups", "vectors"],
  },
  reports: {
    account: [
      "Account Analytics Read",
      "Account Settings Read",
      "D1 Read",
      "Queues Read",
      "Vectorize Read",
      "Workers KV Storage Read",
      "Workers Observability Write",
      "Workers Scripts Read",
    ],
    read: ["logs"],
  },
  ...(plan.logpush ? { logpush: { write: ["logs"] } satisfies Grant } : {}),
} satisfies Record<TokenKind, Grant> & { logpush?: Grant };

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

function policies({ account, zone, read, write }: Grant) {
  const objects = (buckets: Grant["read"] = []) =>
    buckets.map((noun) => `${SCOPE.bucket}.${accountId}_default_${nameInStack(BUCKETS[noun].name, stack)}`);
  return [
    ...(account ? [allow(account, "account", [`${SCOPE.account}.${accountId}`])] : []),
    ...(zone && config.zone ? [allow(zone, "zone", [`${SCOPE.zone}.${config.zone.id}`])] : []),
    ...(read ? [allow(["Workers R2 Storage Bucket Item Read"], "bucket", objects(read))] : []),
    ...(write ? [allow(["Workers R2 Storage Bucket Item Write"], "bucket", objects(write))] : []),
  ];
}

function token(job: string, grant: Grant): AccountToken {
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
