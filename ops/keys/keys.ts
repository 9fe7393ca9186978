/** `ops keys create|list|revoke`: who may call the service. A key's secret is shown once, by `create`, and never again. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { RATE_TIERS, type RateTier, SCOPES, type Scope } from "../../worker/security/principal.ts";
import { confirm, type Outcome, perform } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { table } from "../command/output.ts";
import { type Client, decode } from "../service/client.ts";

const KeyRecord = z.object({
  id: z.string(),
  name: z.string(),
  tenant: z.string(),
  scopes: z.array(z.string()),
  rate_tier: z.string(),
  daily_quota: z.number().nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
});
type KeyRecord = z.infer<typeof KeyRecord>;

const CreatedKey = KeyRecord.extend({ key: z.string() });
const KeyPage = z.object({ keys: z.array(KeyRecord), next_cursor: z.string().nullable() });

export interface KeyRequest {
  name: string;
  tenant: string;
  scopes: Scope[];
  rate_tier: RateTier;
  daily_quota?: number;
  /** ISO 8601. */
  expires_at?: string;
}

/** Creates a key; the answer holds it in full, this once. */
export async function createKey(client: Client, request: KeyRequest): Promise<KeyRecord & { key: string }> {
  return decode(CreatedKey, await client.post("/api/v1/keys", request), "POST /api/v1/keys");
}

/** Revokes a key; it stops working within 10 s, when the last isolate forgets it. */
export async function revokeKey(client: Client, id: string): Promise<void> {
  await client.delete(`/api/v1/keys/${encodeURIComponent(id)}`);
}

/** All keys, newest first, without their secrets. */
export async function listKeys(client: Client): Promise<KeyRecord[]> {
  const keys: KeyRecord[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const page: z.infer<typeof KeyPage> = decode(KeyPage, await client.get(`/api/v1/keys${query}`), "GET /api/v1/keys");
    keys.push(...page.keys);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return keys;
}

interface CreateOptions {
  name: string;
  tenant: string;
  scopes: Scope[];
  tier: RateTier;
  quota?: number;
  expires?: string;
  dryRun?: boolean;
}

export function registerKeys(program: Command): void {
  const keys = program.command("keys").description("create, list and revoke API keys");
  keys
    .command("create")
    .description("create a key and print it, this once")
    .requiredOption("--name <name>", "what the key is for; shown in lists")
    .option("--tenant <tenant>", "whose documents it sees", "default")
    .addOption(
      new Option("--scopes <list>", `comma-separated: ${SCOPES.join(", ")}`)
        .argParser(parseScopes)
        .default(["read", "chat"]),
    )
    .addOption(new Option("--tier <tier>", "rate limit").choices(RATE_TIERS).default("standard"))
    .option("--quota <requests>", "requests a UTC day (default: no quota)", positive)
    .option("--expires <when>", "days from now such as 90d, or an ISO date (default: never)", parseExpiry)
    .option("--dry-run", "show the request, change nothing")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- keys create --name "docs site" --scopes read,chat
  npm run ops -- keys create --name ci --tenant acme --scopes write --expires 90d --json
JSON: {id, name, tenant, scopes, rate_tier, daily_quota, created_at, expires_at, revoked_at, key}; with --dry-run {dry_run: true, request}`,
    )
    .action((options: CreateOptions, command: Command) =>
      perform(command, async (invocation): Promise<Outcome> => {
        const request: KeyRequest = {
          name: options.name,
          tenant: options.tenant,
          scopes: options.scopes,
          rate_tier: options.tier,
          ...(options.quota === undefined ? {} : { daily_quota: options.quota }),
          ...(options.expires === undefined ? {} : { expires_at: options.expires }),
        };
        if (options.dryRun) {
          return { data: { dry_run: true, request }, text: `Would create ${JSON.stringify(request)}` };
        }
        const created = await createKey(await invocation.client(), request);
        return { data: created, text: `${created.key}\n(key ${created.id}; it is not shown again)` };
      }),
    );

  keys
    .command("list")
    .description("list keys, revoked ones included, without their secrets")
    .addHelpText(
      "after",
      "\nExample:\n  npm run ops -- keys list --json\nJSON: {keys: [{id, name, tenant, scopes, …}]}",
    )
    .action((_options: object, command: Command) =>
      perform(command, async (invocation): Promise<Outcome> => {
        const all = await listKeys(await invocation.client());
        const text = table(
          all,
          [
            { title: "id", value: (key) => key.id },
            { title: "name", value: (key) => key.name },
            { title: "tenant", value: (key) => key.tenant },
            { title: "scopes", value: (key) => key.scopes.join(",") },
            { title: "tier", value: (key) => key.rate_tier },
            { title: "quota", value: (key) => key.daily_quota ?? "-", align: "right" },
            { title: "created", value: (key) => key.created_at },
            { title: "expires", value: (key) => key.expires_at ?? "-" },
            { title: "revoked", value: (key) => key.revoked_at ?? "-" },
          ],
          invocation.terminal,
        );
        return { data: { keys: all }, text };
      }),
    );

  keys
    .command("revoke")
    .description("end a key for good; its callers get 401 within 10 s")
    .argument("<id>", "the key's id, as keys list shows it")
    .option("--yes", "do not ask")
    .option("--dry-run", "show what would be revoked, change nothing")
    .addHelpText(
      "after",
      "\nExample:\n  npm run ops -- keys revoke 3f9a… --yes\nJSON: {id, revoked: true} or {dry_run: true, key}",
    )
    .action((id: string, options: { yes?: boolean; dryRun?: boolean }, command: Command) =>
      perform(command, async (invocation): Promise<Outcome> => {
        const client = await invocation.client();
        if (options.dryRun) {
          const key = (await listKeys(client)).find((candidate) => candidate.id === id) ?? null;
          return {
            data: { dry_run: true, key },
            text: key === null ? `No key ${id}` : `Would revoke ${id} (${key.name})`,
          };
        }
        await confirm(invocation, { op: "revoke key", subject: id }, options.yes === true);
        await revokeKey(client, id);
        return { data: { id, revoked: true }, text: `Revoked ${id}` };
      }),
    );
}

function parseScopes(text: string): Scope[] {
  return text.split(",").map((part) => {
    const scope = SCOPES.find((known) => known === part.trim());
    if (scope === undefined) throw new InvalidArgumentError(`"${part}" is none of ${SCOPES.join(", ")}.`);
    return scope;
  });
}

function parseExpiry(text: string): string {
  const days = /^(\d+)d$/.exec(text)?.[1];
  const at_ms = days === undefined ? Date.parse(text) : Date.now() + Number(days) * 86_400_000;
  if (Number.isNaN(at_ms)) throw new InvalidArgumentError("Expected days such as 90d, or an ISO date.");
  return new Date(at_ms).toISOString();
}
