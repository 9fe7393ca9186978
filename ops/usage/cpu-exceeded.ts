/** Invocations that Cloudflare ended for their CPU time: the Worker cannot know of them, Workers Logs does. */
import { REPEATABLE } from "../cloudflare/api.ts";
import type { Cloudflare } from "../cloudflare/official.ts";

interface Span {
  account_id: string;
  script: string;
  from_ms: number;
  to_ms: number;
}

/** How many of a script's there were in a span, its end included. @throws OpsError as the client does. */
export async function countCpuExceeded(
  client: Cloudflare,
  { account_id, script, from_ms, to_ms }: Span,
): Promise<number> {
  const is = (key: string, value: string) => ({ key, operation: "eq", type: "string", value }) as const;
  const { events } = await client.workers.observability.telemetry.query(
    {
      account_id,
      queryId: "prism-ops",
      timeframe: { from: from_ms, to: to_ms },
      view: "events",
      limit: 1,
      parameters: {
        filters: [
          // One an invocation; lines and exceptions are events of their own.
          is("$metadata.type", "cf-worker-event"),
          is("$metadata.service", script),
          is("$workers.outcome", "exceededCpu"),
        ],
      },
    },
    REPEATABLE,
  );
  return events?.count ?? 0;
}
