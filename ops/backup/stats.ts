/** `ops backup stats`: how much a repository holds, what that takes, and how it grows. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { DAY_MS } from "../../worker/ground/time.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { shownBytes, shownTime } from "../command/quantities.ts";
import { rounded } from "../command/rounded.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import { type SnapshotInfo, verifiedLevel } from "./repository/repository.ts";

const aged = z.strictObject({ id: z.string(), finished_at: z.iso.datetime(), age_s: z.int() });

const output = z.strictObject({
  repository: z.string(),
  snapshots: z.int(),
  newest: aged.nullable(),
  oldest: aged.nullable(),
  /** The last check beyond what each backup does itself; null where none was recorded. */
  last_verified: z.strictObject({ id: z.string(), level: verifiedLevel, at: z.iso.datetime() }).nullable(),
  /** What a reader would get from all snapshots together. */
  plain_bytes: z.int(),
  /** The same, compressed and encrypted, as if no snapshot shared anything with another. */
  bytes: z.int(),
  /** What lies there, what no snapshot needs included. */
  stored_bytes: z.int(),
  stored_objects: z.int(),
  /** `plain_bytes` through `bytes`, and `bytes` through `stored_bytes`; null where there is no snapshot. */
  compression: z.number().nullable(),
  deduplication: z.number().nullable(),
  /** What snapshots after the oldest one added, over the time between; null where that is less than a day. */
  new_bytes_per_day: z.int().nullable(),
  /** Newest first. */
  growth: z.array(
    z.strictObject({ id: z.string(), finished_at: z.iso.datetime(), plain_bytes: z.int(), new_bytes: z.int() }),
  ),
});
type Stats = z.infer<typeof output>;

export const backupStats = defineCommand({
  path: "backup stats",
  group: "backup",
  summary: "say how much a repository holds, what that takes in storage, and how it grows",
  notes: "Objects are counted by listing them; none is read.",
  risk: "read",
  options: repositoryOptions,
  output,
  examples: ["backup stats", "backup stats --repository ./vault --json"],
  run(invocation, options) {
    return withRepository(invocation, options, null, async (repository) => {
      const [snapshots, size] = await Promise.all([repository.listSnapshots(), repository.size()]);
      const data = statsOf(repository.location, snapshots, size, invocation.now());
      return { data, text: statsText(data, invocation.terminal) };
    });
  },
});

/** `snapshots`: newest first. Pure. */
function statsOf(
  repository: string,
  snapshots: readonly SnapshotInfo[],
  stored: { objects: number; bytes: number },
  now_ms: number,
): Stats {
  const sum = (field: "plain_bytes" | "bytes") => snapshots.reduce((all, one) => all + one[field], 0);
  const at = (ms: number) => new Date(ms).toISOString();
  const [newest, oldest] = [snapshots[0] ?? null, snapshots.at(-1) ?? null];
  const age = (one: SnapshotInfo | null) =>
    one && { id: one.id, finished_at: at(one.finished_ms), age_s: Math.round((now_ms - one.finished_ms) / 1000) };
  const checks = snapshots.flatMap(({ id, verified }) =>
    verified === null || verified.level === "structure" ? [] : [{ id, ...verified }],
  );
  const last = checks.toSorted((a, b) => b.at_ms - a.at_ms)[0];
  const span_days = newest && oldest ? (newest.finished_ms - oldest.finished_ms) / DAY_MS : 0;
  const added = snapshots.slice(0, -1).reduce((all, one) => all + one.new_bytes, 0);
  return {
    repository,
    snapshots: snapshots.length,
    newest: age(newest),
    oldest: age(oldest),
    last_verified: last === undefined ? null : { id: last.id, level: last.level, at: at(last.at_ms) },
    plain_bytes: sum("plain_bytes"),
    bytes: sum("bytes"),
    stored_bytes: stored.bytes,
    stored_objects: stored.objects,
    compression: newest && rounded(sum("plain_bytes") / sum("bytes"), 2),
    deduplication: newest && rounded(sum("bytes") / stored.bytes, 2),
    new_bytes_per_day: span_days >= 1 ? Math.round(added / span_days) : null,
    growth: snapshots.map(({ id, finished_ms, plain_bytes, new_bytes }) => ({
      id,
      finished_at: at(finished_ms),
      plain_bytes,
      new_bytes,
    })),
  };
}

function statsText(stats: Stats, terminal: boolean): string {
  const { newest, oldest, last_verified, new_bytes_per_day } = stats;
  if (newest === null || oldest === null) return `No snapshot in ${stats.repository}: npm run ops -- backup create`;
  const ago = ({ age_s }: { age_s: number }) => `${shownTime(age_s * 1000)} ago`;
  return [
    `${counted(stats.snapshots, "snapshot")} in ${stats.repository}: the newest ${newest.id} of ${ago(newest)}, the oldest ${oldest.id} of ${ago(oldest)}`,
    `${shownBytes(stats.plain_bytes)} of content, ${shownBytes(stats.bytes)} compressed (${stats.compression} to 1), ` +
      `${shownBytes(stats.stored_bytes)} stored in ${counted(stats.stored_objects, "object")} (${stats.deduplication} to 1)`,
    ...(new_bytes_per_day === null ? [] : [`It grows by ${shownBytes(new_bytes_per_day)} a day`]),
    last_verified === null
      ? "No check is recorded: npm run ops -- backup verify"
      : `Last verified: ${last_verified.id} (${last_verified.level}), ${last_verified.at}`,
    table(terminal, stats.growth, [
      { title: "snapshot", value: ({ id }) => id },
      { title: "finished", value: ({ finished_at }) => finished_at },
      { title: "content", value: ({ plain_bytes }) => shownBytes(plain_bytes), align: "right" },
      { title: "new", value: ({ new_bytes }) => shownBytes(new_bytes), align: "right" },
    ]),
  ].join("\n");
}
