/** The board of the status page: one for all callers of some seconds, and none rather than a wait where the book is silent. */
import type { Env } from "../env.ts";
import { Problem } from "../ground/problem.ts";
import type {
  Board,
  CheckResult,
  Component,
  ComponentHistory,
  Incident,
  Maintenance,
  Outcome,
} from "../ground/status.ts";
import type { StatusCalls } from "../ground/status-calls.ts";
import { within } from "../ground/time-limit.ts";
import { maintenancePhase, type ShownState, shownState } from "../ground/uptime.ts";
import { STATUS_CACHE_MS, STATUS_STALE_AFTER_MS, STATUS_TIMEOUT_MS } from "../limits.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";

/** What everybody may know, ready to be shown. */
export interface PublicStatus {
  generated_at_ms: number;
  /** Null before the first check, and while the book is silent. */
  checked_at_ms: number | null;
  /** `current`: checked lately. `stale`: checks have not come. `unavailable`: the book is silent, and nothing is known. */
  data: "current" | "stale" | "unavailable";
  overall: ShownState;
  components: (Omit<ComponentHistory, "last"> & { state: ShownState; latency_ms: number | null })[];
  incidents: PublicIncident[];
  maintenance: PublicMaintenance[];
}

export type PublicIncident = Omit<Incident, "commander" | "opened_by" | "ref" | "action_items">;
export type PublicMaintenance = Omit<Maintenance, "announced_by" | "cancelled_at_ms"> & {
  phase: ReturnType<typeof maintenancePhase>;
};

/** The one object; every isolate means the same. */
export function statusBook({ STATUS }: Pick<Env, "STATUS">): DurableObjectStub<StatusCalls> {
  return STATUS.get(STATUS.idFromName("book"));
}

/** Forgotten with each change, so that who wrote sees it, at least where the same isolate is asked. */
let last: { at_ms: number; status: Promise<PublicStatus> } | null = null;

/** The status as anybody may see it, as of the last `STATUS_CACHE_MS`: one value for all who ask meanwhile. Never throws. */
export function publicStatus(work: Work): Promise<PublicStatus> {
  const { now_ms } = work;
  if (!last || Math.abs(now_ms - last.at_ms) > STATUS_CACHE_MS)
    last = { at_ms: now_ms, status: readBoard(work).then((board) => shown(board, now_ms)) };
  return last.status;
}

async function readBoard(work: Work): Promise<Board | null> {
  try {
    return await within(STATUS_TIMEOUT_MS, () => statusBook(work.env).board(work.now_ms));
  } catch (error) {
    work.log("ERROR", "the book of status does not answer", { error: describeError(error) });
    return null;
  }
}

function shown(board: Board | null, now_ms: number): PublicStatus {
  if (board === null)
    return {
      generated_at_ms: now_ms,
      checked_at_ms: null,
      data: "unavailable",
      overall: "unknown",
      components: [],
      incidents: [],
      maintenance: [],
    };
  const { checked_at_ms, incidents, maintenance } = board;
  const isStale = checked_at_ms === null || now_ms - checked_at_ms > STATUS_STALE_AFTER_MS;
  const components = board.components.map(({ last: checked, ...history }) => ({
    ...history,
    state: shownState(history.id, isStale ? null : (checked?.state ?? null), incidents, maintenance, now_ms),
    latency_ms: latencyOf(checked, isStale),
  }));
  return {
    generated_at_ms: now_ms,
    checked_at_ms,
    data: isStale ? "stale" : "current",
    overall: overallState(components),
    components,
    incidents: incidents.map(publicIncident),
    maintenance: maintenance.map(({ announced_by: _, cancelled_at_ms: __, ...window }) => ({
      ...window,
      phase: maintenancePhase({ ...window, cancelled_at_ms: null }, now_ms),
    })),
  };
}

function latencyOf(checked: CheckResult | null, isStale: boolean): number | null {
  return isStale ? null : (checked?.latency_ms ?? null);
}

/** As a caller of the service sees it; where that is well, as its worst part is. */
function overallState(components: readonly { id: Component; state: ShownState }[]): ShownState {
  const api = components.find(({ id }) => id === "api")?.state ?? "unknown";
  if (api !== "up") return api;
  return components.every(({ state }) => state === "up") ? "up" : "degraded";
}

/** Without what is for the team: who leads, who opened it, what is to be done, and entries that are not public. */
function publicIncident(incident: Incident): PublicIncident {
  const { id, title, severity, components, state, started_at_ms, resolved_at_ms, entries } = incident;
  const told = entries.filter(({ is_public }) => is_public);
  return { id, title, severity, components, state, started_at_ms, resolved_at_ms, entries: told };
}

/** Asks the book to read or write. @throws Problem `status-unavailable` when it does not answer. */
export async function askBook<T>(env: Env, ask: (book: DurableObjectStub<StatusCalls>) => Promise<T>): Promise<T> {
  try {
    return await ask(statusBook(env));
  } catch (cause) {
    throw new Problem("status-unavailable", "The book of incidents does not answer.", { cause });
  }
}

/** What was kept of a change. @throws Problem for what the book refused. */
export function accepted<T>({ kept, refused }: Outcome<T>): T {
  if (kept !== null) {
    last = null;
    return kept;
  }
  if (refused === null || refused === "absent")
    throw new Problem("no-such-incident", "There is no incident or window with this id.");
  const { field, reason } = refused;
  throw new Problem("invalid-request", `\`${field}\` ${reason}.`, { errors: [{ path: field, message: reason }] });
}
