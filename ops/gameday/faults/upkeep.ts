/** Faults of what keeps the service safe: jobs, backups, the audit log, channels. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { MINUTE_MS } from "../../../worker/ground/time.ts";
import type { Arena } from "../arena.ts";
import type { Fault } from "../fault.ts";
import { heartbeat, putAlertConfiguration, sql } from "../means.ts";

const triggers = z.tuple([z.object({ sql: z.string() })]);

const DESK = "desk";
/** A backup that is older is told. */
const BACKUP_OLD_MIN = 26 * 60;
/** A day of usual traffic before would tell nothing more. So long after a warm-up the rules are evaluated before the watchdog asks whether they were. */
const BACKUP_STILL_YOUNG_MIN = 11.5;
/** Three deliveries must have failed: the first, and those after 5 and 10 minutes. */
const THREE_TRIES_MIN = 20;

/** How the game day's alerts are configured, as a file. */
async function configurationFile({ webhooks, platform, data_dir }: Arena): Promise<string> {
  const file = join(data_dir, "alerts.json");
  await writeFile(file, JSON.stringify(webhooks.configuration(platform.url)));
  return file;
}

export const UPKEEP_FAULTS: readonly Fault[] = [
  {
    id: "backup-made",
    what: "a backup was made",
    alert: "change-backup",
    runbook: "announced-change",
    inject: (arena) => heartbeat(arena, "backup", "success"),
  },
  {
    id: "backup-failed",
    what: "the nightly backup fails",
    alert: "job-failed",
    also: ["change-backup"],
    runbook: "failed-job",
    inject: (arena) => heartbeat(arena, "backup", "fail"),
    variables: async () => ({ JOB: "backup" }),
  },
  {
    id: "drill-failed",
    what: "the weekly drill says that the backup does not restore",
    alert: "drill-failed",
    also: ["job-failed", "change-backup"],
    runbook: "failed-backup",
    inject: (arena) => heartbeat(arena, "drill", "fail"),
  },
  {
    id: "backup-old",
    what: "no backup for more than a day, and nobody said so",
    alert: "backup-old",
    also: ["schedule-missed", "change-backup"],
    builds_up_min: BACKUP_STILL_YOUNG_MIN,
    runbook: "failed-backup",
    approach: async (arena) => {
      await heartbeat(arena, "backup", "success");
      arena.clock.leapTo(arena.clock.now() + (BACKUP_OLD_MIN - BACKUP_STILL_YOUNG_MIN) * MINUTE_MS);
    },
    inject: async () => {},
  },
  {
    id: "schedule-missed",
    what: "the machine that runs the schedule is off",
    alert: "schedule-missed",
    also: ["change-backup"],
    runbook: "failed-job",
    inject: (arena) =>
      heartbeat(arena, "backup", "success", {
        next_due_at: new Date(arena.clock.now() + MINUTE_MS).toISOString(),
        grace_s: 60,
      }),
    variables: async () => ({ JOB: "backup" }),
  },
  {
    id: "dependency-vulnerable",
    what: "a dependency has a known vulnerability",
    alert: "job-failed",
    runbook: "dependency-vulnerability",
    inject: (arena) => heartbeat(arena, "security-audit", "fail"),
    passes: (arena) => heartbeat(arena, "security-audit", "success"),
  },
  {
    id: "audit-altered",
    what: "somebody with access to the database changed an entry of the audit log",
    alert: "audit-chain",
    also: ["job-failed"],
    runbook: "audit-chain-broken",
    inject: (arena) => renameActor(arena, "actor || ' (altered)'"),
    passes: (arena) => renameActor(arena, "replace(actor, ' (altered)', '')"),
  },
  {
    id: "channel-down",
    what: "the channel of the warnings refuses everything",
    alert: "channel-failing",
    also: ["job-failed"],
    builds_up_min: THREE_TRIES_MIN,
    runbook: "alert-channel-down",
    inject: async (arena) => {
      arena.webhooks.down.add(DESK);
      await heartbeat(arena, "report", "fail");
    },
    passes: async (arena) => {
      arena.webhooks.down.delete(DESK);
      await heartbeat(arena, "report", "success");
    },
    variables: async (arena) => ({ CHANNEL: DESK, FILE: await configurationFile(arena) }),
  },
  {
    id: "configuration-broken",
    what: "somebody edited the configuration of alerts by hand",
    alert: "configuration-invalid",
    runbook: "alert-channel-down",
    inject: (arena) => putAlertConfiguration(arena, "{ channels: mine }"),
    situations: ["configuration"],
    variables: async (arena) => ({ CHANNEL: DESK, FILE: await configurationFile(arena) }),
  },
];

/** Of the newest entry, as only the owner of the account can: the trigger that forbids it is taken away for the moment. */
async function renameActor(arena: Arena, to: string): Promise<void> {
  const found = await sql(arena, "SELECT sql FROM sqlite_schema WHERE name = 'audit_log_unchanged'");
  const [{ sql: trigger }] = triggers.parse(found);
  await sql(arena, "DROP TRIGGER audit_log_unchanged");
  await sql(arena, `UPDATE audit_log SET actor = ${to} WHERE seq = (SELECT MIN(seq) FROM audit_log)`);
  await sql(arena, trigger);
}
