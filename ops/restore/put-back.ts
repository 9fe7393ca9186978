/** A document into the service's HTTP API as its tenant, whoever's it is. */
import { z } from "zod";
import { asOpsError, OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { createKey, revokeKey } from "../keys/keys.ts";
import { TENANT_KEY_TTL_MS } from "../limits.ts";
import { finishedJob } from "../service/batch.ts";
import type { Client } from "../service/client.ts";
import type { DocumentContent } from "./document-difference.ts";

type Caller = Pick<Invocation, "client" | "signal" | "now" | "note">;

/** The one that the bootstrap secret itself writes for. */
const OWN_TENANT = "default";

/** 202 while a store is being replaced: the job does it in a moment. */
const written = z.union([z.object({ status: z.string() }), z.object({ job_id: z.string() })]);

/**
 * `etag`: of the living document; null: there is none. A document that became another one meanwhile is not written over.
 * @throws OpsError when the service refuses it.
 */
export async function putBack(
  invocation: Caller,
  tenant: string,
  { id, title, text, url, format, metadata }: DocumentContent & { id: string },
  etag: string | null,
): Promise<void> {
  await asTenant(invocation, tenant, async (client) => {
    const path = `/api/v1/documents/${encodeURIComponent(id)}`;
    const body = { title, text, url, format, metadata: JSON.parse(metadata) };
    const headers: Record<string, string> = etag === null ? { "if-none-match": "*" } : { "if-match": etag };
    const answer = await client.put(path, body, { headers, answer: written });
    if (!("job_id" in answer)) return;
    const { state, errors } = await finishedJob(client, answer.job_id, invocation.signal);
    if (state === "done") return;
    throw new OpsError({
      op: "restore document",
      subject: id,
      cause: `its write waited for a store to be replaced, and ended ${state}: ${errors[0]?.detail ?? "no reason given"}`,
      hint: "npm run ops -- generation list tells what is under way; repeat it then",
    });
  });
}

/** With a key of that tenant, made for this and revoked after it, where the bootstrap secret's own is another. */
async function asTenant(invocation: Caller, tenant: string, work: (client: Client) => Promise<void>): Promise<void> {
  const admin = await invocation.client();
  if (tenant === OWN_TENANT) return await work(admin);
  const { id, key } = await createKey(admin, {
    name: "ops restore document",
    tenant,
    scopes: ["read", "write"],
    rate_tier: "standard",
    expires_at: new Date(invocation.now() + TENANT_KEY_TTL_MS).toISOString(),
  });
  try {
    await work(admin.as(key));
  } finally {
    await revokeKey(admin, id).catch((error: unknown) =>
      invocation.note(`Warning: key ${id} was not revoked and ends by itself: ${asOpsError(error).parts.cause}`),
    );
  }
}
