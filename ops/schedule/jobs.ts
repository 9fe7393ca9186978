/**
 * Every job that does not run in the Worker: when, what, in which order, how late it may be, and with which credentials. The one source: the
 * renderings for GitHub, crontab and systemd, what is due, and what alerts expect derive from it. Times are UTC.
 *
 * Everything begins at two, so that one start a day finds all that is due, in order: the weekly chain continues Sunday's backup.
 */
import { type Job, schedule } from "./job.ts";

const HOUR_S = 3_600;
const DAILY = "0 2 * * *";
const SUNDAYS = "0 2 * * 0";
const monthly = (day: number) => `0 2 ${day} * *`;
const QUARTERLY = "0 2 1 1,4,7,10 *";
const YEARLY = "0 2 1 1 *";

/** A day and two hours without a backup are an alert of their own (`backup-old`): what is daily may be two hours late. */
const daily = { cron: DAILY, grace_s: 2 * HOUR_S };
const weekly = { cron: SUNDAYS, grace_s: 12 * HOUR_S };
const rare = { grace_s: 20 * HOUR_S };
/** What a job on the stores needs: a backup before it, and the right to write them. */
const onStores = { needs: ["backup"], token: "restore", repository_key: "reader" } as const;
const report = { token: "reports", time_limit_s: HOUR_S } as const;

export const JOBS: readonly Job[] = schedule.parse([
  {
    ...daily,
    id: "backup",
    summary: "a snapshot of everything",
    commands: [["backup", "create"]],
    time_limit_s: 4 * HOUR_S,
    token: "backup",
    repository_key: "writer",
  },
  { ...daily, ...report, id: "health", summary: "each part of the service", commands: [["health"]] },
  {
    ...daily,
    ...report,
    id: "log-review",
    summary: "errors, slow endpoints and tokens of the day",
    commands: ["errors", "slow", "tokens"].map((analysis) => ["logs", analysis, "--since", "24h"]),
  },
  { ...daily, ...report, id: "usage", summary: "what the plan allows, and what is left of it", commands: [["usage"]] },

  {
    ...weekly,
    id: "index-update",
    summary: "the index in line with its sources",
    commands: [["index", "update"]],
    needs: ["backup"],
    time_limit_s: 2 * HOUR_S,
    token: null,
    key: "index",
  },
  {
    ...weekly,
    ...onStores,
    id: "cleanup",
    summary: "expired and orphaned rows and entries",
    commands: [["cleanup"]],
    after: ["index-update"],
    time_limit_s: HOUR_S,
  },
  {
    ...weekly,
    ...onStores,
    id: "vacuum",
    summary: "full-text, statistics and vectors in order",
    commands: [["vacuum"]],
    after: ["cleanup"],
    time_limit_s: 2 * HOUR_S,
  },
  {
    ...weekly,
    ...onStores,
    id: "drill",
    summary: "the newest snapshot restored into scratch stores",
    commands: [["drill"]],
    after: ["vacuum"],
    time_limit_s: 4 * HOUR_S,
  },
  {
    ...weekly,
    ...report,
    id: "weekly-report",
    summary: "the week, against its baseline",
    commands: [["report", "weekly", "--out", "{out}"]],
    after: ["drill"],
  },

  {
    ...rare,
    id: "backup-verification",
    summary: "all bytes of the newest snapshot, restored",
    cron: monthly(1),
    commands: [["backup", "verify"]],
    needs: ["backup"],
    time_limit_s: 6 * HOUR_S,
    token: "backup",
    repository_key: "reader",
  },
  {
    ...rare,
    ...report,
    id: "performance-review",
    summary: "latency, errors and caches of the month",
    cron: monthly(1),
    commands: [["report", "performance", "--out", "{out}"]],
  },
  {
    ...rare,
    id: "dependency-updates",
    summary: "a branch with newer dependencies, tested",
    cron: monthly(7),
    commands: [["deps", "update"]],
    time_limit_s: 2 * HOUR_S,
    token: null,
    repeatable: false,
  },
  {
    ...rare,
    id: "security-audit",
    summary: "keys, headers, secrets, dependencies, the audit chain",
    cron: monthly(7),
    commands: [
      ["audit", "security"],
      ["audit", "dependencies"],
      ["audit", "verify"],
    ],
    time_limit_s: HOUR_S,
    token: "reports",
    key: "admin",
    repository_key: "reader",
  },
  {
    ...rare,
    ...onStores,
    id: "index-optimisation",
    summary: "index and cache: parity, what indexes of the database are for, what expired",
    cron: monthly(15),
    commands: [["index", "check", "--repair"], ["db", "indexes"], ["db", "check"], ["cleanup"]],
    time_limit_s: 2 * HOUR_S,
  },
  {
    ...rare,
    ...report,
    id: "log-rotation",
    summary: "logs of the month archived and read, resources counted",
    cron: monthly(21),
    commands: [
      ["logs", "rotate", "--yes"],
      ["logs", "errors", "--since", "30d"],
      ["usage"],
      ["report", "volume", "--out", "{out}"],
    ],
  },
  {
    ...rare,
    ...report,
    id: "monthly-report",
    summary: "the month, its capacity plan, and the baseline of the next",
    cron: monthly(28),
    commands: [
      ["report", "monthly", "--out", "{out}"],
      ["report", "capacity", "--out", "{out}"],
      ["baseline", "update"],
    ],
  },

  {
    ...rare,
    ...report,
    id: "quarterly-review",
    summary: "cost and capacity, for the review of the architecture",
    cron: QUARTERLY,
    commands: [
      ["report", "cost", "--out", "{out}"],
      ["report", "capacity", "--out", "{out}"],
    ],
  },
  {
    ...rare,
    ...onStores,
    id: "recovery-rehearsal",
    summary: "a whole recovery, from any snapshot, rehearsed",
    cron: QUARTERLY,
    commands: [["drill", "--snapshot", "random"]],
    after: ["drill", "backup-verification"],
    time_limit_s: 4 * HOUR_S,
  },
  {
    ...rare,
    ...report,
    id: "yearly-review",
    summary: "what the year was, for the review of the architecture",
    cron: YEARLY,
    commands: [
      ["report", "volume", "--out", "{out}"],
      ["report", "cost", "--out", "{out}"],
      ["deps", "unused"],
      ["deps", "size"],
    ],
  },
]);
