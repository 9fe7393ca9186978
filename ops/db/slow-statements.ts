/** What the service says of its slow statements: the shapes of `worker/schemas/monitoring.ts`. */
import { z } from "zod";
import { type Client, decode } from "../service/client.ts";

export const slowStatement = z.strictObject({
  statement: z.string(),
  plan: z.string(),
  times: z.int(),
  max_ms: z.number(),
  last_at: z.string(),
});
export const indexAdvice = z.strictObject({
  table: z.string(),
  rows: z.int(),
  statement: z.string(),
  advice: z.string(),
});
const answer = z.object({ slow_statements: z.array(slowStatement), index_advice: z.array(indexAdvice) });

/** @throws OpsError when the service or its meter does not answer. */
export async function readSlowStatements(client: Client): Promise<z.infer<typeof answer>> {
  return decode(answer, await client.get("/debug/performance"), "/debug/performance");
}
