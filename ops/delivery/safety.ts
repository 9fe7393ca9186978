/** What a deployment may not do without more than a command: lose data, or change it without a way back. Pure. */
import { z } from "zod";
import { isDataStore } from "../../infra/policy/data-stores.ts";
import { isWaived, type Waiver, waiverFlaw } from "../../infra/waivers.ts";
import { counted } from "../../worker/ground/counted.ts";
import type { LastVerified } from "../backup/last-verified.ts";
import { BACKUP_AGE_MAX_MS, CLOCK_SKEW_MAX_MS } from "../limits.ts";
import type { PlannedMigration } from "../migrate/plan.ts";
import type { PlannedStep } from "../stack/driver.ts";

/** `subject`: the resource or the migration. */
export const refusedStep = z.strictObject({ subject: z.string(), reason: z.string(), remedy: z.string() });
export type Refusal = z.infer<typeof refusedStep>;

export interface SafetyInputs {
  steps: readonly PlannedStep[];
  migrations: readonly PlannedMigration[];
  waivers: readonly Waiver[];
  /** The newest one that was restored and compared; null where none is known. */
  backup: Pick<LastVerified, "snapshot" | "state_at_ms"> | null;
  /** Why the operator goes on without a backup; counts only for what adds. */
  without_backup: string | null;
  /** Whether there is data yet: before the first deployment there is none. */
  first: boolean;
  now_ms: number;
}

const BACK_UP = "npm run ops -- backup create and npm run ops -- backup verify first";

/** Everything that is refused, each with its remedy; empty when the deployment may go on. */
export function refusals(inputs: SafetyInputs): Refusal[] {
  const { steps, migrations, now_ms, first, without_backup } = inputs;
  const missing = missingBackup(inputs.backup, now_ms);
  const losing = steps.filter(({ kind, type }) => (kind === "replace" || kind === "delete") && isDataStore(type));
  const refused = losing.flatMap((step) => whyItMayNotGo(step, inputs, missing));
  if (first || missing === null) return refused;
  for (const { name, phase } of migrations.filter(({ action }) => action === "apply")) {
    if (phase === "expand" && without_backup !== null) continue;
    refused.push({
      subject: name,
      reason: `it changes the database, and ${missing}`,
      remedy: phase === "expand" ? `${BACK_UP}; or, as it only adds: --without-backup "REASON"` : BACK_UP,
    });
  }
  for (const { name, changed } of steps.filter(({ kind, type }) => kind === "update" && STORES_CHANGED.test(type))) {
    if (without_backup !== null) continue;
    refused.push({
      subject: name,
      reason: `it holds data, its ${changed.join(" and ")} would change, and ${missing}`,
      remedy: `${BACK_UP}; or, as it stays in place: --without-backup "REASON"`,
    });
  }
  return refused;
}

/** Stores whose settings decide over their data. A Worker's and a queue's do not. */
const STORES_CHANGED = /:(D1Database|VectorizeIndex|Index|WorkersKvNamespace|R2Bucket)$/;

function whyItMayNotGo(step: PlannedStep, { waivers, now_ms }: SafetyInputs, missing: string | null): Refusal[] {
  const { name, kind, changed } = step;
  const what =
    kind === "delete"
      ? "it holds data and would be deleted"
      : `it holds data and would be replaced by an empty one (${changed.join(", ")})`;
  if (!isWaived(waivers, name, now_ms)) {
    const flaw = waivers.flatMap((entry) => (entry.resource === name ? (waiverFlaw(entry, now_ms) ?? []) : []))[0];
    return [
      {
        subject: name,
        reason: `${what}; ${flaw ?? "there is no waiver for it"}`,
        remedy:
          "to move its data to a new generation: npm run ops -- generation --help; " +
          "to give the data up: an entry in prism:waivers {resource, reason, expires}, and a verified backup",
      },
    ];
  }
  if (missing !== null) return [{ subject: name, reason: `${what}, and ${missing}`, remedy: BACK_UP }];
  if (step.protected)
    return [
      {
        subject: name,
        reason: `${what}; the waiver counts, but the protection is lifted only by a deployment that changes nothing else`,
        remedy: "undo the change, deploy once with the waiver, then make the change again",
      },
    ];
  return [];
}

/** Why the newest backup does not count, or null when it does. */
function missingBackup(backup: SafetyInputs["backup"], now_ms: number): string | null {
  if (backup === null) return "no verified backup is known";
  const age_ms = now_ms - backup.state_at_ms;
  if (age_ms < -CLOCK_SKEW_MAX_MS)
    return `the newest verified backup (${backup.snapshot}) is of a time to come: this clock or that of the backup is wrong`;
  return age_ms < BACKUP_AGE_MAX_MS
    ? null
    : `the newest verified backup (${backup.snapshot}) is ${counted(Math.floor(age_ms / 3_600_000), "hour")} old, ${BACKUP_AGE_MAX_MS / 3_600_000} are the most`;
}
