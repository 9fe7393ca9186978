/** What a filled database weighs, what D1 counts (and bills) for a search of it, and what its backup and restore take. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { capacityReport } from "../../worker/schemas/monitoring.ts";
import type { Invocation } from "../command/invocation.ts";
import { rounded } from "../command/rounded.ts";
import { JOB_POLL_MS } from "../limits.ts";
import type { Client } from "../service/client.ts";
import type { Rig } from "../service/rig.ts";
import { runBackup, runRestore } from "./backup-runs.ts";

/** So many searches tell what one reads. */
export const SEARCHES_READ = 20;

export const storeFigures = z.strictObject({
  database_mb: z.int(),
  rows_read_per_search: z.int().describe(`rows that D1 counts for one, mean of ${SEARCHES_READ}`),
  backup: z
    .strictObject({ seconds: z.number(), stored_mb: z.number(), peak_mb: z.int().nullable() })
    .describe("a first snapshot, the whole command; only the chunks that came through the API have vectors"),
  restore: z
    .strictObject({ seconds: z.number(), full_text_seconds: z.number(), rows: z.int(), peak_mb: z.int().nullable() })
    .describe("its rows into a new database, indexes and full text included"),
});
type StoreFigures = z.infer<typeof storeFigures>;

/** Asks these queries, then backs the rig up and restores it. Callers of the service wait meanwhile, or are slowed. */
export async function measureStores(
  invocation: Invocation,
  { client, data_dir }: Rig,
  queries: readonly string[],
): Promise<StoreFigures> {
  const rows_read_per_search = await rowsReadPerSearch(client, queries, invocation.signal);
  const database_mb = Math.round(databaseBytes(await readCapacity(client)) / 1e6);
  const backup = await runBackup(invocation, data_dir, "first snapshot");
  const restore = await runRestore(invocation, data_dir);
  return {
    database_mb,
    rows_read_per_search,
    backup: { seconds: backup.seconds, stored_mb: rounded(backup.bytes / 1e6, 2), peak_mb: backup.peak_rss_mb },
    restore: {
      seconds: rounded(restore.seconds, 2),
      full_text_seconds: rounded(restore.full_text_seconds, 2),
      rows: restore.rows,
      peak_mb: restore.peak_rss_mb,
    },
  };
}

export function storesLine({ database_mb, rows_read_per_search, backup, restore }: StoreFigures): string {
  const mb = (peak: number | null) => `${peak ?? "-"} MB of memory`;
  return [
    `database ${database_mb} MB, ${rows_read_per_search} rows read by a search`,
    `backup ${backup.seconds} s (${backup.stored_mb} MB, ${mb(backup.peak_mb)}), restore ${restore.seconds} s (full text ${restore.full_text_seconds} s of it, ${mb(restore.peak_mb)})`,
  ].join("\n");
}

/** What is used of the service's stores and of its allowances today. */
export function readCapacity(client: Client): Promise<z.infer<typeof capacityReport>> {
  return client.get("/monitoring/capacity-report", capacityReport);
}

/** Bytes of the database. */
export function databaseBytes({ stores }: z.infer<typeof capacityReport>): number {
  return stores.find(({ store }) => store === "database")?.used ?? 0;
}

/**
 * Rows that D1 reads for one of these searches, in the mean. The meter hears of a request a moment after its answer. What the looks at
 * it read themselves is in the figure: some rows.
 */
export async function rowsReadPerSearch(
  client: Client,
  queries: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const before = await readCapacity(client);
  for (const query of queries) await client.post("/api/v1/search", { query });
  for (;;) {
    const { requests, d1_rows_read } = (await readCapacity(client)).daily;
    if (requests.used >= before.daily.requests.used + queries.length)
      return Math.round((d1_rows_read.used - before.daily.d1_rows_read.used) / queries.length);
    await pause(JOB_POLL_MS, undefined, { signal });
  }
}
