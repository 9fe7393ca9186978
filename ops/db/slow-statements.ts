/** What the service says of its slow statements. */
import type { z } from "zod";
import { performanceState } from "../../worker/schemas/debug.ts";
import type { Client } from "../service/client.ts";

const answer = performanceState.pick({ slow_statements: true, index_advice: true });

/** @throws OpsError when the service or its meter does not answer. */
export function readSlowStatements(client: Client): Promise<z.infer<typeof answer>> {
  return client.get("/debug/performance", answer);
}
