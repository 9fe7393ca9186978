/** Where every unit of work ends: its log line, its data point, the meter, and an error event if it failed. */
import type { Tally } from "../ground/tally.ts";
import { dataPoint } from "./data-point.ts";
import { learnCount } from "./day-counts.ts";
import { postErrorEvent } from "./error-webhook.ts";
import { describeError, type LogLevel, logLine } from "./log.ts";
import { meterUnit } from "./metering.ts";
import { measuresOf, tallyOf } from "./tally.ts";
import type { Ending, Unit, UnitKind } from "./unit.ts";

const NOUNS = { request: "request", message: "queue message", task: "cron task" } as const satisfies Record<
  UnitKind,
  string
>;

/** For `later`, since the answer is on its way or the message acknowledged; never throws. */
export async function conclude(unit: Unit, given: Ending): Promise<void> {
  const interruption = (await unit.usage.settled) ?? undefined;
  const ending: Ending = interruption === undefined ? given : { ...given, outcome: "failed", error: interruption };
  const failed = ending.outcome === "failed";
  const duration_ms = Math.round((performance.now() - unit.timings.started_ms) * 10) / 10;

  const level: LogLevel = failed ? "ERROR" : ending.notable === true ? "WARN" : "INFO";
  const message = unit.kind === "request" ? NOUNS.request : `${NOUNS[unit.kind]} ${ending.outcome}`;
  const line = logLine(unit, level, message, lineFields(unit, ending, duration_ms));
  const measures = measuresOf(unit);
  try {
    // Awaited for the local platform's faults, which make it a promise.
    await unit.env.ANALYTICS.writeDataPoint(dataPoint(unit, ending, measures, duration_ms));
  } catch (error) {
    logLine(unit, "WARN", "a data point could not be written", { error: describeError(error) });
  }
  if (failed && line !== null) await postErrorEvent(unit, line, Date.now());
  await meter(unit, ending, tallyOf(unit, measures, duration_ms, ending.error));
}

function lineFields(unit: Unit, ending: Ending, duration_ms: number): Record<string, unknown> {
  const { endpoint, method, status_code, attempts, error } = ending;
  const { tokens_in, tokens_out, tokens_saved, model, neurons } = unit.usage;
  return {
    endpoint,
    method,
    status_code,
    attempts,
    duration_ms,
    database_queries: unit.timings.counts.database_queries,
    ...(model === null
      ? {}
      : { model, tokens: { input: tokens_in, output: tokens_out, saved: tokens_saved }, neurons }),
    ...(error === undefined ? {} : { error: describeError(error) }),
  };
}

/** Messages and tasks are nobody's requests: they have no quota and no bill, so they are counted by what they did alone. */
async function meter(unit: Unit, ending: Ending, tally: Tally): Promise<void> {
  const { kind, principal } = unit;
  const { endpoint, outcome, method = "", status_code = 0, address = "unknown" } = ending;
  const { tokens_in, tokens_out, tokens_saved, neurons } = unit.usage;
  const sample = {
    key_id: principal?.key_id ?? "anonymous",
    users: principal === null ? [] : [[principal.key_id, unit.usage.session ?? []].flat().join("/")],
    has_quota: typeof principal?.daily_quota === "number",
    errors: outcome === "failed" ? 1 : 0,
    tokens_in,
    tokens_out,
    tokens_saved,
    neurons,
  };
  const isRequest = kind === "request";
  const counted = { series: { kind, endpoint, method, status_code, outcome }, tally, ...(isRequest ? { sample } : {}) };
  const shard_by = isRequest ? (principal?.key_id ?? address) : endpoint;
  try {
    await meterUnit(unit.env, counted, shard_by, Date.now(), learnCount);
  } catch (error) {
    logLine(unit, "WARN", "work could not be metered", { error: describeError(error) });
  }
}
