/**
 * The book of status: how the components were, what went wrong, and what is planned.
 *
 * One SQLite Durable Object, so that it tells of the database's failures while the database has failed. A check is a row for
 * some days and part of its day's sums for a year; incidents and maintenance are kept. It reads no other store.
 */

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { announcedMaintenance, changedIncident, changedMaintenance, openedIncident } from "../ground/incident.ts";
import {
  type Board,
  type Check,
  type CheckTally,
  COMPONENTS,
  type Component,
  type Incident,
  type IncidentChange,
  type IncidentOpening,
  type Maintenance,
  type MaintenanceChange,
  type MaintenanceFacts,
  type Outcome,
} from "../ground/status.ts";
import type { StatusCalls } from "../ground/status-calls.ts";
import { DAY_MS, dayOf } from "../ground/time.ts";
import {
  dayBars,
  type KeptCheck,
  latencyByHour,
  NO_CHECKS,
  notCounted,
  tallyOf,
  uptimeWindows,
  withResult,
} from "../ground/uptime.ts";
import {
  STATUS_CHECKS_KEPT_DAYS,
  STATUS_DAYS_KEPT,
  STATUS_DAYS_SHOWN,
  STATUS_PAST_SHOWN_DAYS,
  STATUS_PAST_SHOWN_MAX,
} from "../limits.ts";

const ABSENT: Outcome<never> = { kept: null, refused: "absent" };

type DayTallies = Partial<Record<Component, CheckTally>>;

export class StatusBook extends DurableObject<Env> implements StatusCalls {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { sql } = ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS checks (at_ms INTEGER PRIMARY KEY, body TEXT NOT NULL)");
    sql.exec("CREATE TABLE IF NOT EXISTS days (day TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID");
    sql.exec(`CREATE TABLE IF NOT EXISTS incidents (
      id INTEGER PRIMARY KEY, resolved_at_ms INTEGER, body TEXT NOT NULL)`);
    sql.exec(`CREATE TABLE IF NOT EXISTS maintenance (
      id INTEGER PRIMARY KEY, ends_at_ms INTEGER NOT NULL, body TEXT NOT NULL)`);
  }

  /** Takes a check down, once: a cron that runs twice for one time changes nothing. */
  record(check: Check): void {
    const in_maintenance = notCounted(this.#maintenanceAfter(check.at_ms), check.at_ms);
    const body: KeptCheck = { ...check, in_maintenance };
    const { sql } = this.ctx.storage;
    const insert = "INSERT OR IGNORE INTO checks VALUES (?1, ?2) RETURNING at_ms";
    if (sql.exec(insert, check.at_ms, JSON.stringify(body)).toArray().length === 0) return;
    const day = dayOf(check.at_ms);
    const [row] = sql.exec<{ body: string }>("SELECT body FROM days WHERE day = ?1", day).toArray();
    const tallies: DayTallies = row === undefined ? {} : JSON.parse(row.body);
    for (const id of COMPONENTS)
      tallies[id] = withResult(tallies[id] ?? NO_CHECKS, check.results[id], in_maintenance.includes(id));
    sql.exec("INSERT OR REPLACE INTO days VALUES (?1, ?2)", day, JSON.stringify(tallies));
    sql.exec("DELETE FROM checks WHERE at_ms < ?1", check.at_ms - STATUS_CHECKS_KEPT_DAYS * DAY_MS);
    sql.exec("DELETE FROM days WHERE day < ?1", dayOf(check.at_ms - STATUS_DAYS_KEPT * DAY_MS));
  }

  /** What the status page shows at that time. */
  board(now_ms: number): Board {
    const bodies = <T>(query: string, ...values: (string | number)[]) => this.#bodies<T>(query, ...values);
    const checks = bodies<KeptCheck>("SELECT body FROM checks WHERE at_ms > ?1 ORDER BY at_ms", now_ms - DAY_MS);
    const [newest] = bodies<KeptCheck>("SELECT body FROM checks ORDER BY at_ms DESC LIMIT 1");
    const days = this.ctx.storage.sql
      .exec<{ day: string; body: string }>(
        "SELECT day, body FROM days WHERE day >= ?1",
        dayOf(now_ms - STATUS_DAYS_SHOWN * DAY_MS),
      )
      .toArray()
      .map(({ day, body }) => ({ day, tallies: JSON.parse(body) as DayTallies }));
    const shownSince_ms = now_ms - STATUS_PAST_SHOWN_DAYS * DAY_MS;
    return {
      checked_at_ms: newest?.at_ms ?? null,
      components: COMPONENTS.map((id) => {
        const byDay = new Map(days.map(({ day, tallies }) => [day, tallies[id] ?? NO_CHECKS]));
        return {
          id,
          last: newest?.results[id] ?? null,
          uptime: uptimeWindows(tallyOf(checks, id), byDay, now_ms),
          days: dayBars(byDay, now_ms),
          latency_by_hour_ms: latencyByHour(checks, id, now_ms),
        };
      }),
      incidents: this.#incidents(
        `SELECT body FROM incidents WHERE resolved_at_ms IS NULL OR resolved_at_ms > ?1
         ORDER BY resolved_at_ms IS NULL DESC, id DESC LIMIT ?2`,
        shownSince_ms,
        STATUS_PAST_SHOWN_MAX,
      ),
      maintenance: this.#maintenanceAfter(shownSince_ms)
        .filter(({ cancelled_at_ms }) => cancelled_at_ms === null)
        .slice(-STATUS_PAST_SHOWN_MAX),
    };
  }

  /** Newest first, those before an id. */
  incidents(filter: "open" | "resolved" | "all", before_id: number | null, limit: number): Incident[] {
    const condition = { open: "resolved_at_ms IS NULL", resolved: "resolved_at_ms IS NOT NULL", all: "1" }[filter];
    return this.#incidents(
      `SELECT body FROM incidents WHERE ${condition} AND id < ?1 ORDER BY id DESC LIMIT ?2`,
      before_id ?? Number.MAX_SAFE_INTEGER,
      limit,
    );
  }

  incident(id: number | string): Incident | null {
    const condition = typeof id === "number" ? "id = ?1" : "json_extract(body, '$.ref') = ?1";
    return this.#incidents(`SELECT body FROM incidents WHERE ${condition}`, id)[0] ?? null;
  }

  openIncident(opening: IncidentOpening, now_ms: number): Outcome<Incident> {
    const { kept, refused } = openedIncident(opening, now_ms);
    if (kept === null) return { kept, refused };
    // Opened again after an answer that was lost, or from another machine.
    const known = opening.ref === null ? null : this.incident(opening.ref);
    return known === null
      ? this.#keepIncident({ id: this.#nextId("incidents"), ...kept })
      : { kept: known, refused: null };
  }

  changeIncident(id: number | string, change: IncidentChange, now_ms: number): Outcome<Incident> {
    const incident = this.incident(id);
    if (incident === null) return ABSENT;
    const { kept, refused } = changedIncident(incident, change, now_ms);
    return kept === null ? { kept, refused } : this.#keepIncident(kept);
  }

  /** Newest announcement first, those before an id. */
  maintenance(before_id: number | null, limit: number): Maintenance[] {
    const before = before_id ?? Number.MAX_SAFE_INTEGER;
    return this.#bodies("SELECT body FROM maintenance WHERE id < ?1 ORDER BY id DESC LIMIT ?2", before, limit);
  }

  announce(facts: MaintenanceFacts, announced_by: string, now_ms: number): Outcome<Maintenance> {
    const { kept, refused } = announcedMaintenance(facts, announced_by, now_ms);
    return kept === null ? { kept, refused } : this.#keepWindow({ id: this.#nextId("maintenance"), ...kept });
  }

  changeMaintenance(id: number, change: MaintenanceChange, now_ms: number): Outcome<Maintenance> {
    const [window] = this.#bodies<Maintenance>("SELECT body FROM maintenance WHERE id = ?1", id);
    if (window === undefined) return ABSENT;
    const { kept, refused } = changedMaintenance(window, change, now_ms);
    return kept === null ? { kept, refused } : this.#keepWindow(kept);
  }

  #maintenanceAfter(at_ms: number): Maintenance[] {
    return this.#bodies("SELECT body FROM maintenance WHERE ends_at_ms > ?1 ORDER BY ends_at_ms", at_ms);
  }

  /** Those of before action items have none. */
  #incidents(query: string, ...values: (string | number)[]): Incident[] {
    const rows = this.#bodies<Omit<Incident, "ref" | "action_items"> & Partial<Incident>>(query, ...values);
    return rows.map((row) => ({ ref: null, action_items: [], ...row }));
  }

  #bodies<T>(query: string, ...values: (string | number)[]): T[] {
    const rows = this.ctx.storage.sql.exec<{ body: string }>(query, ...values).toArray();
    return rows.map(({ body }) => JSON.parse(body) as T);
  }

  #nextId(table: "incidents" | "maintenance"): number {
    const query = `SELECT COALESCE(MAX(id), 0) + 1 AS id FROM ${table}`;
    return this.ctx.storage.sql.exec<{ id: number }>(query).one().id;
  }

  #keepIncident(incident: Incident): Outcome<Incident> {
    const { id, resolved_at_ms } = incident;
    const body = JSON.stringify(incident);
    this.ctx.storage.sql.exec("INSERT OR REPLACE INTO incidents VALUES (?1, ?2, ?3)", id, resolved_at_ms, body);
    return { kept: incident, refused: null };
  }

  #keepWindow(window: Maintenance): Outcome<Maintenance> {
    const { id, ends_at_ms } = window;
    const body = JSON.stringify(window);
    this.ctx.storage.sql.exec("INSERT OR REPLACE INTO maintenance VALUES (?1, ?2, ?3)", id, ends_at_ms, body);
    return { kept: window, refused: null };
  }
}
