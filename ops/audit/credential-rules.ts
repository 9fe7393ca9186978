/** What makes a finding of keys, secrets and tokens. Pure: what was seen goes in, `now_ms` is given. */
import { nameInStack, SERVICE, type Stack } from "../../infra/inventory.ts";
import { type TokenGrant, tokenGrants } from "../../infra/token-grants.ts";
import { counted } from "../../worker/ground/counted.ts";
import type { SecurityMetrics } from "../../worker/schemas/defence.ts";
import { KEY_UNUSED_MAX_MS, SECRET_AGE_MAX_MS, TOKEN_ENDS_SOON_MS } from "../limits.ts";
import { NAMED_SECRETS, rotationJob } from "../secrets/secrets.ts";
import { days, type Finding, OPS, one } from "./finding.ts";

interface Key {
  id: string;
  name: string;
  scopes: readonly string[];
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

/** Keys that may call: unused for too long, and without an end. */
export function judgeKeys(keys: readonly Key[], use: SecurityMetrics["key_use"], now_ms: number): Finding[] {
  const living = keys.filter(
    ({ revoked_at, expires_at }) => revoked_at === null && (expires_at === null || Date.parse(expires_at) > now_ms),
  );
  return living.flatMap((key) => {
    const isAdmin = key.scopes.includes("admin");
    const last = use.last_used[key.id];
    // Before anybody took note, a key may have been used.
    const since_ms =
      last === undefined
        ? Math.max(Date.parse(key.created_at), Date.parse(use.since ?? new Date(now_ms).toISOString()))
        : Date.parse(last);
    const subject = `${key.id} (${key.name})`;
    const found: Finding[] = [];
    if (now_ms - since_ms >= KEY_UNUSED_MAX_MS) {
      const evidence = `${isAdmin ? "may administrate, and is " : ""}unused for ${counted(days(now_ms - since_ms), "day")}`;
      found.push(one(isAdmin ? "high" : "medium", "keys", subject, evidence, `${OPS} keys revoke ${key.id}`));
    }
    if (key.expires_at === null) {
      const evidence = `${isAdmin ? "may administrate, and " : ""}never expires`;
      const remedy = `${OPS} keys create --expires 90d … in its place, then ${OPS} keys revoke ${key.id}`;
      found.push(one(isAdmin ? "medium" : "low", "keys", subject, evidence, remedy));
    }
    return found;
  });
}

interface SecretsSeen {
  /** Whether each is set. */
  set: Readonly<Record<string, boolean>>;
  /** Last rotations by their jobs; ISO 8601. */
  rotated: ReadonlyMap<string, string>;
  /** When the Worker was made: its secrets are not older. */
  born: string | null;
}

export function judgeSecrets({ set, rotated, born }: SecretsSeen, now_ms: number): Finding[] {
  return NAMED_SECRETS.flatMap((name) => {
    const since = rotated.get(rotationJob(name)) ?? born;
    const age_ms = since === null ? 0 : now_ms - Date.parse(since);
    // A pepper is of no use without the database, and cannot be changed without ending every key.
    const isOld = set[name] === true && name !== "KEY_PEPPER" && age_ms > SECRET_AGE_MAX_MS;
    const severity = age_ms > 2 * SECRET_AGE_MAX_MS ? "high" : "medium";
    const rotate = `${OPS} secrets rotate ${name}`;
    const found: Finding[] = [];
    if (isOld) found.push(one(severity, "secrets", name, `${counted(days(age_ms), "day")} old`, rotate));
    if (set[`${name}_PREVIOUS`] === true)
      found.push(one("low", "secrets", name, "its old value is still accepted", `${rotate} --retire`));
    return found;
  });
}

interface Token {
  name: string;
  status: string;
  expires_on: string | null;
  groups: readonly string[];
}

/** The account's tokens that bear the service's name, against what `infra/token-grants.ts` declares for their jobs. */
export function judgeTokens(tokens: readonly Token[], stack: Stack, now_ms: number): Finding[] {
  const prefix = `${nameInStack(SERVICE, stack)} `;
  const grants: Readonly<Record<string, TokenGrant>> = tokenGrants({ logpush: true });
  return tokens.flatMap(({ name, status, expires_on, groups }) => {
    if (!name.startsWith(prefix) || status !== "active") return [];
    const job = name.slice(prefix.length);
    const found: Finding[] = [];
    const add = (severity: Finding["severity"], evidence: string, remedy: string) =>
      found.push(one(severity, "tokens", name, evidence, remedy));
    if (expires_on === null)
      add("medium", "never expires", `${OPS} deploy renews declared tokens; delete others in the dashboard`);
    else if (Date.parse(expires_on) - now_ms < TOKEN_ENDS_SOON_MS)
      add("medium", `ends on ${expires_on}`, `set prism:tokensExpire later, then ${OPS} deploy`);
    const grant = grants[job === "first deploy" ? "deploy" : job];
    if (grant === undefined) {
      const remedy = "delete it in the dashboard, or declare it in infra/token-grants.ts";
      add("medium", "no job of the service declares it", remedy);
      return found;
    }
    const declared = declaredGroups(grant);
    const excess = groups.filter((group) => !declared.has(group));
    if (excess.length > 0)
      add("high", `may do more than declared: ${excess.join(", ")}`, `${OPS} drift, then ${OPS} deploy`);
    return found;
  });
}

function declaredGroups({ account = [], zone = [], read, write }: TokenGrant): Set<string> {
  return new Set([
    ...account,
    ...zone,
    ...(read ? ["Workers R2 Storage Bucket Item Read"] : []),
    ...(write ? ["Workers R2 Storage Bucket Item Write"] : []),
  ]);
}
