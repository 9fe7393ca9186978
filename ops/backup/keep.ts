/**
 * Which snapshots are kept, and why. Pure.
 *
 * The newest of each of the last n days, weeks, months and years that have one, by UTC and ISO weeks. Periods without a snapshot do not
 * count, so a machine that was off keeps what it has. Kept whatever the numbers: the newest, the newest that passed each check, and what
 * has a tag.
 */
import { z } from "zod";
import { DAY_MS } from "../../worker/ground/time.ts";
import { type SnapshotInfo, type VerifiedLevel, verifiedLevel } from "./repository/repository.ts";

const count = z.int("expected a whole number from 0").min(0, "expected a whole number from 0");

/** How many days, weeks, months and years. */
export const keepRule = z.strictObject({ daily: count, weekly: count, monthly: count, yearly: count });
export type KeepRule = z.infer<typeof keepRule>;

export type Judged = Pick<SnapshotInfo, "id" | "finished_ms" | "verified" | "tags">;

/** A word that marks a snapshot; whoever may read the bucket sees it. */
export const tag = z.string().regex(/^[\w.-]{1,64}$/, "expected letters, digits, `_`, `.` and `-`, at most 64");

export const verdict = z.strictObject({
  id: z.string(),
  keep: z.boolean(),
  /** Why it is kept; for one that goes, what already stands for its time. */
  reasons: z.array(z.string()),
});
export type Verdict = z.infer<typeof verdict>;

/** Weakest first. Who passed one of them has passed those before it. */
const LEVELS: readonly VerifiedLevel[] = verifiedLevel.options;

const PERIODS: { [name in keyof KeepRule]: (at: Date) => string } = {
  daily: (at) => at.toISOString().slice(0, 10),
  weekly: isoWeek,
  monthly: (at) => at.toISOString().slice(0, 7),
  yearly: (at) => at.toISOString().slice(0, 4),
};

/** `snapshots`: newest first. `forgotten`: tags that keep nothing any more. A verdict for each, in the same order. */
export function judge(snapshots: readonly Judged[], rule: KeepRule, forgotten: readonly string[]): Verdict[] {
  const reasons = new Map<string, string[]>(snapshots.map(({ id }) => [id, []]));
  const add = (id: string | undefined, reason: string) => id !== undefined && reasons.get(id)?.push(reason);
  add(snapshots[0]?.id, "the newest");
  for (const [at, level] of LEVELS.entries()) {
    const passed = snapshots.find(({ verified }) => verified !== null && LEVELS.indexOf(verified.level) >= at);
    add(passed?.id, `the newest that passed the check of ${level === "restore" ? "a restore" : level}`);
  }
  for (const { id, tags } of snapshots)
    for (const name of tags) if (!forgotten.includes(name)) add(id, `tagged ${name}`);
  const stands = new Map<string, string>();
  for (const [name, periodOf] of Object.entries(PERIODS)) {
    const limit = rule[name as keyof KeepRule];
    const seen = new Set<string>();
    for (const { id, finished_ms } of snapshots) {
      const period = periodOf(new Date(finished_ms));
      if (seen.has(period) || seen.size >= limit) continue;
      seen.add(period);
      add(id, `${name} ${seen.size} of ${limit}: ${period}`);
      stands.set(`${name} ${period}`, id);
    }
  }
  return snapshots.map(({ id, finished_ms }) => {
    const kept = reasons.get(id) ?? [];
    return { id, keep: kept.length > 0, reasons: kept.length > 0 ? kept : [whyNot(finished_ms, stands)] };
  });
}

function whyNot(finished_ms: number, stands: ReadonlyMap<string, string>): string {
  for (const [name, periodOf] of Object.entries(PERIODS)) {
    const period = periodOf(new Date(finished_ms));
    const other = stands.get(`${name} ${period}`);
    if (other !== undefined) return `${other} stands for ${period}`;
  }
  return "older than all days, weeks, months and years to keep";
}

/** `2026-W47`; a week belongs to the year of its Thursday. */
function isoWeek(at: Date): string {
  const thursday = new Date(
    Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 4 - (at.getUTCDay() || 7)),
  );
  const days = (thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / DAY_MS;
  return `${thursday.getUTCFullYear()}-W${String(Math.floor(days / 7) + 1).padStart(2, "0")}`;
}
