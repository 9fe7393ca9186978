/** `ops keys create` */
import { z } from "zod";
import { RATE_TIERS, SCOPES } from "../../worker/ground/principal.ts";
import { createdKey, keyCreation } from "../../worker/schemas/keys.ts";
import { defineCommand } from "../command/define.ts";
import { misuse, type OpsError } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { commaList, momentAfter, positive } from "../command/options.ts";
import { createKey, type KeyRequest, keyRequest } from "./keys.ts";

const output = z.union([
  z.strictObject(createdKey.shape),
  z.strictObject({ dry_run: z.literal(true), request: keyRequest }),
]);

export const keysCreate = defineCommand({
  path: "keys create",
  group: "security",
  summary: "create a key and print it, this once",
  risk: "change",
  options: z.object({
    name: z.string().describe("what the key is for; shown in lists"),
    tenant: z.string().default("default").describe("whose documents it sees"),
    scopes: commaList(SCOPES)
      .prefault("read,chat")
      .meta({ placeholder: "list", description: `comma-separated: ${SCOPES.join(", ")}` }),
    tier: z.enum(RATE_TIERS).default("standard").describe("rate limit"),
    quota: positive.optional().meta({ placeholder: "requests", description: "requests a UTC day (default: no quota)" }),
    expires: momentAfter
      .optional()
      .meta({ placeholder: "when", description: "days from now such as 90d, or an ISO date (default: never)" }),
  }),
  output,
  examples: [
    'keys create --name "docs site" --scopes read,chat',
    "keys create --name ci --tenant acme --scopes write --expires 90d --json",
  ],
  async run(invocation, { name, tenant, scopes, tier, quota, expires }): Promise<Outcome<z.infer<typeof output>>> {
    const wanted: KeyRequest = {
      name,
      tenant,
      scopes,
      rate_tier: tier,
      ...(quota === undefined ? {} : { daily_quota: quota }),
      ...(expires === undefined ? {} : { expires_at: new Date(expires(invocation.now())).toISOString() }),
    };
    if (invocation.dry_run) {
      const { error } = keyCreation.safeParse(wanted);
      if (error !== undefined) throw wouldBeRefused(name, error);
      return { data: { dry_run: true, request: wanted }, text: `Would create ${JSON.stringify(wanted)}` };
    }
    const created = await createKey(await invocation.client(), wanted);
    const { key, ...record } = created;
    return { data: created, text: `${key}\n(key ${record.id}; it is not shown again)`, audit: { detail: record } };
  },
});

/** By the service, which a dry run does not ask. */
function wouldBeRefused(name: string, error: z.ZodError): OpsError {
  const cause = z.prettifyError(error).replaceAll("\n", " ");
  return misuse({ op: "create key", subject: name, cause, hint: "npm run ops -- keys create --help" }, error);
}
