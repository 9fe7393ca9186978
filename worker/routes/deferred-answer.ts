/** Answers to writes that were accepted for later: 202, and where the job is. */
import type { Context } from "hono";
import type { Claim, Outcome } from "../operations/defer.ts";
import type { App } from "../security/context.ts";
import { type Answer, replay, sealAnswer } from "../security/idempotency.ts";

/** The answer to a job that was accepted, as it is given and as it is kept for repetitions. */
export function acceptedAnswer(job_id: string): Answer {
  const status_url = `/api/v1/jobs/${job_id}`;
  const headers = { "content-type": "application/json", location: status_url };
  return { headers, body: JSON.stringify({ job_id, status_url }) };
}

/** The Idempotency-Key that the request holds, for operations that may have to defer it. */
export function claimOf(c: Context<App>): Claim | undefined {
  const held = c.get("idempotency");
  return held && { ...held, sealedAnswer: (job_id) => sealAnswer(c.env, acceptedAnswer(job_id)) };
}

/** Answers for a write that was not done. */
export async function answerDeferred(
  c: Context<App>,
  outcome: Exclude<Outcome<unknown>, { done: unknown }>,
): Promise<Response> {
  c.set("deferred", true);
  if ("earlier" in outcome) return replay(c, outcome.earlier, c.get("idempotency")?.request_hash ?? "");
  const { headers, body } = acceptedAnswer(outcome.deferred.job_id);
  return c.body(body, 202, headers);
}
