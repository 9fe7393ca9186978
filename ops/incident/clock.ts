/** Until when somebody must be at work on an incident, and when its next news is due. Pure. */
import { z } from "zod";
import { shownTime } from "../command/quantities.ts";
import { BUSINESS_DAY_MS, INCIDENT_RESPONSE_MS, INCIDENT_UPDATE_EVERY_MS } from "../limits.ts";
import type { ShownIncident } from "./answers.ts";

export const incidentClock = z.object({
  respond_by: z.string(),
  /** Somebody is: a commander is named, or there is news after the opening. */
  is_responded: z.boolean(),
  response_late_s: z.int(),
  /** Null once it is resolved. */
  update_due: z.string().nullable(),
  update_late_s: z.int(),
});
type IncidentClock = z.infer<typeof incidentClock>;

type Clocked = Pick<ShownIncident, "severity" | "state" | "commander" | "timeline" | "started_at">;

/** @param now_ms since the epoch */
export function clockOf({ severity, state, commander, timeline, started_at }: Clocked, now_ms: number): IncidentClock {
  const told = timeline.filter(({ source }) => source === "operator").map(({ at }) => Date.parse(at));
  const opened_ms = told[0] ?? Date.parse(started_at);
  const respondBy_ms = after(opened_ms, INCIDENT_RESPONSE_MS[severity]);
  const is_responded = commander !== null || told.length > 1;
  const news_ms = Math.max(
    opened_ms,
    ...timeline.filter(({ source, is_public }) => source === "operator" && is_public).map(({ at }) => Date.parse(at)),
  );
  const due_ms = state === "resolved" ? null : after(news_ms, INCIDENT_UPDATE_EVERY_MS[severity]);
  return {
    respond_by: new Date(respondBy_ms).toISOString(),
    is_responded,
    response_late_s: is_responded ? 0 : lateBy_s(respondBy_ms, now_ms),
    update_due: due_ms === null ? null : new Date(due_ms).toISOString(),
    update_late_s: due_ms === null ? 0 : lateBy_s(due_ms, now_ms),
  };
}

function lateBy_s(due_ms: number, now_ms: number): number {
  return Math.max(0, Math.round((now_ms - due_ms) / 1_000));
}

/** A span later; a business day later is the same time on the next day that is no Saturday or Sunday (UTC). */
function after(at_ms: number, span_ms: number): number {
  if (span_ms !== BUSINESS_DAY_MS) return at_ms + span_ms;
  let then_ms = at_ms + span_ms;
  while ([0, 6].includes(new Date(then_ms).getUTCDay())) then_ms += span_ms;
  return then_ms;
}

/** `in 12 min`, `34 min late`. */
export function dueTold(due: string, now_ms: number): string {
  const left_ms = Date.parse(due) - now_ms;
  return left_ms >= 0 ? `in ${shownTime(left_ms)}` : `${shownTime(-left_ms)} LATE`;
}
