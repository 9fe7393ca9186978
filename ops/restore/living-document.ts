/** One document as the live database has it, whichever tenant's it is: read there, for a caller of the HTTP API sees one tenant alone. */
import { z } from "zod";
import { liveOf } from "../../infra/outputs.ts";
import { entityTag, type TaggedState } from "../../worker/ground/precondition.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import type { D1Connection } from "../d1/connection.ts";
import { restD1 } from "../d1/rest-connection.ts";
import type { DocumentContent } from "./document-difference.ts";

const columns = z.tuple([z.int(), z.string(), z.int(), z.string(), z.string().nullable(), z.string(), z.string()]);

export interface LivingDocument extends DocumentContent, TaggedState {
  /** What a write must find there still. */
  etag: string;
}

/** To the live database. @throws OpsError when the stack or its live database cannot be found. */
export async function liveConnection(
  { target, signal, stack }: Pick<Invocation, "target" | "signal" | "stack">,
  op: string,
  subject: string,
): Promise<D1Connection> {
  const found = await target();
  const { account_id, database } = await found.resources();
  const live = liveOf(database);
  if (live !== undefined) return restD1(createCloudflare(await found.api(), { signal }), account_id, live.id);
  throw new OpsError({
    op,
    subject,
    cause: `the live database of stack ${stack}, generation ${database.live}, is gone`,
    hint: "npm run ops -- restore plan: nothing can be put back alone where there is no database",
    reason: "resource-missing",
  });
}

/** Null where there is none. @throws OpsError as `liveConnection`. */
export async function livingDocument(
  invocation: Pick<Invocation, "target" | "signal" | "stack">,
  tenant: string,
  id: string,
): Promise<LivingDocument | null> {
  const connection = await liveConnection(invocation, "read document", id);
  const one = "FROM documents d WHERE d.tenant = ?1 AND d.external_id = ?2";
  const [documents, chunks] = await connection.batch([
    {
      sql: `SELECT version, content_hash, created_at_ms, title, url, format, metadata ${one}`,
      params: [tenant, id],
    },
    {
      // In the order in which the document names them.
      sql: `SELECT coalesce(c.original, c.text) FROM chunks c, (SELECT value, key FROM json_each((SELECT d.chunk_ids ${one}))) n
        WHERE c.id = n.value ORDER BY n.key`,
      params: [tenant, id],
    },
  ]);
  const [row] = documents?.rows ?? [];
  if (row === undefined) return null;
  const [version, content_hash, created_at_ms, title, url, format, metadata] = columns.parse(row);
  const text = (chunks?.rows ?? []).map(([part]) => String(part)).join("");
  const state = { version, content_hash, created_at_ms };
  return { ...state, title, url, format, metadata, text, etag: entityTag(state) };
}
