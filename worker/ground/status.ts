/** What the Worker and its book of status say to each other: components, checks, incidents, maintenance, and the board made of them. */

/** What is judged apart. `api` is the service as a caller sees it; the others are what it stands on, as `/health` names them. */
export const COMPONENTS = ["api", "database", "vectorize", "kv", "ai"] as const;
export type Component = (typeof COMPONENTS)[number];

/** Best first. */
export const CHECK_STATES = ["up", "degraded", "down"] as const;
export type CheckState = (typeof CHECK_STATES)[number];

/** Of one component at one time. The latency is null where none is measured. */
export interface CheckResult {
  state: CheckState;
  latency_ms: number | null;
}

/** One look at all components. */
export interface Check {
  at_ms: number;
  results: Record<Component, CheckResult>;
}

/** What the checks of a component add up to. Those within maintenance that does not count are in `maintenance` alone. */
export interface CheckTally extends Record<CheckState, number> {
  maintenance: number;
  latency_ms: number;
  latencies: number;
}

/** How urgent, and who must hear of it within which time: `schemas/incidents.ts` says it. */
export const SEVERITIES = ["SEV-1", "SEV-2", "SEV-3", "SEV-4"] as const;
type Severity = (typeof SEVERITIES)[number];

export const INCIDENT_STATES = ["investigating", "identified", "monitoring", "resolved"] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];

/** Where an entry of a timeline comes from. */
export const ENTRY_SOURCES = ["operator", "alert", "deploy", "audit", "runbook"] as const;

/** One line of an incident's timeline. Only public ones are for everybody. */
export interface IncidentEntry {
  at_ms: number;
  /** The incident's state from then on. */
  state: IncidentState;
  source: (typeof ENTRY_SOURCES)[number];
  text: string;
  is_public: boolean;
}

/** What must be done so that it does not happen again: followed until it is done. */
export interface ActionItem {
  /** 1 for the first of its incident. */
  id: number;
  text: string;
  owner: string | null;
  /** A day, as 2026-11-29. */
  due: string | null;
  done_at_ms: number | null;
}

interface IncidentFacts {
  title: string;
  severity: Severity;
  components: Component[];
  /** Who leads; for the team only. */
  commander: string | null;
}

export interface Incident extends IncidentFacts {
  id: number;
  /** Its name for whoever opened it while nobody could give it a number; null: it has none. */
  ref: string | null;
  state: IncidentState;
  started_at_ms: number;
  /** Null until the state is `resolved`. */
  resolved_at_ms: number | null;
  /** The key that opened it. */
  opened_by: string;
  /** Oldest first. */
  entries: IncidentEntry[];
  action_items: ActionItem[];
}

export interface MaintenanceFacts {
  title: string;
  text: string;
  components: Component[];
  starts_at_ms: number;
  ends_at_ms: number;
  /** Whether checks within the window count in the uptime figures of its components. */
  counts: boolean;
}

export interface Maintenance extends MaintenanceFacts {
  id: number;
  /** When it was called off; null: it was not. */
  cancelled_at_ms: number | null;
  announced_by: string;
}

/** Shares of 0 to 1; null where nothing was checked. */
export const UPTIME_WINDOWS = ["24h", "7d", "30d", "90d"] as const;
export type Uptime = Record<(typeof UPTIME_WINDOWS)[number], number | null>;

/** `none`: nothing was checked. `partial`: down for less than a twentieth of what was checked. */
export type DayLevel = "none" | "maintenance" | CheckState | "partial";

export interface DayBar {
  /** UTC, as 2026-11-29. */
  day: string;
  level: DayLevel;
  uptime: number | null;
}

export interface ComponentHistory {
  id: Component;
  /** At the last check; null before the first. */
  last: CheckResult | null;
  uptime: Uptime;
  /** Oldest first, `STATUS_DAYS_SHOWN` of them. */
  days: DayBar[];
  /** Mean of each of the last 24 hours, oldest first. */
  latency_by_hour_ms: (number | null)[];
}

/** All that the status page shows. */
export interface Board {
  /** When the last check was; null before the first. */
  checked_at_ms: number | null;
  components: ComponentHistory[];
  /** Open ones, and those that ended lately; newest first. */
  incidents: Incident[];
  /** Announced, under way and lately ended; soonest first. Called-off ones are not in it. */
  maintenance: Maintenance[];
}

/** The incident or window does not exist, or the field of the change does not fit what it is now. */
type Refusal = "absent" | { field: string; reason: string };

/** What became of a change: one of the two is null. */
export interface Outcome<T> {
  kept: T | null;
  refused: Refusal | null;
}

export interface IncidentOpening extends IncidentFacts {
  ref: string | null;
  opened_by: string;
  started_at_ms: number;
  /** Before now where it is handed in later, after an outage. */
  opened_at_ms: number;
  text: string;
}

export interface IncidentChange extends Partial<IncidentFacts> {
  state?: IncidentState | undefined;
  /** A new line of the timeline; `at_ms` may lie in the past, since results are handed in later after an outage. */
  entry?: Pick<IncidentEntry, "text" | "source" | "is_public"> & { at_ms: number };
  new_action?: Pick<ActionItem, "text" | "owner" | "due"> | undefined;
  /** Id of an action item. */
  done_action?: number | undefined;
}

export interface MaintenanceChange {
  title?: string | undefined;
  text?: string | undefined;
  ends_at_ms?: number | undefined;
  is_cancelled?: true | undefined;
}
