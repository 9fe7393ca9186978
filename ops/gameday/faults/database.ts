/** Faults of D1. */
import { OURS } from "../../d1/definitions.ts";
import type { Arena } from "../arena.ts";
import { ERROR_ALERTS, type Fault, LATENCY_ALERTS } from "../fault.ts";
import { account, atOnce, databaseId, fails, freshSearches, sql, works } from "../means.ts";
import { shellOf } from "../run-runbook.ts";

/** Messages need a dozen statements each. */
const SLOW_ALERTS = [...LATENCY_ALERTS, "processing-slow"] as const;

export const DATABASE_FAULTS: readonly Fault[] = [
  {
    id: "d1-slow",
    what: "every statement of D1 takes two seconds",
    alert: "latency",
    also: SLOW_ALERTS,
    runbook: "slow-responses",
    inject: fails({ binding: "DB", apparent_ms: 2_000 }),
    workload: (arena) => freshSearches(arena, 5),
    passes: works,
  },
  {
    id: "d1-very-slow",
    what: "D1 has been slow for an hour's budget: the objective burns",
    alert: "slo-latency-fast",
    also: [...SLOW_ALERTS, "processing-stuck"],
    runbook: "slow-responses",
    inject: fails({ binding: "DB", apparent_ms: 5_000 }),
    workload: (arena) => freshSearches(arena, 20),
    passes: works,
  },
  {
    id: "d1-refusing",
    what: "D1 refuses every query",
    alert: "database-down",
    also: ["database-errors", "vector-search", "job-failed", ...ERROR_ALERTS],
    runbook: "d1-unavailable",
    inject: fails({ binding: "DB", error: "D1_ERROR: D1 DB is overloaded. Requests queued for too long." }),
    passes: works,
  },
  {
    id: "d1-flaky",
    what: "D1 fails some queries by the dozen",
    alert: "database-errors",
    // What is tried again takes longer.
    also: ["database-down", ...ERROR_ALERTS, ...LATENCY_ALERTS],
    runbook: "d1-unavailable",
    inject: fails({ binding: "DB", error: "D1_ERROR: Network connection lost.", probability: 0.7 }),
    workload: (arena) => freshSearches(arena, 20),
    passes: works,
  },
  {
    id: "d1-full",
    what: "the database is full: reads work, writes fail",
    alert: "error-rate",
    also: ["database-errors", ...ERROR_ALERTS],
    runbook: "d1-unavailable",
    inject: fails({ binding: "DB", method: "batch", error: "D1_ERROR: Exceeded maximum DB size: SQLITE_FULL" }),
    workload: ({ admin, clock }) =>
      atOnce(2, (index) =>
        admin.send("PUT", `/api/v1/documents/full${index}`, { text: `At ${clock.now()} nothing fits.` }),
      ),
    passes: works,
  },
  {
    id: "d1-lost",
    what: "somebody dropped the tables",
    alert: "database-down",
    also: ["database-errors", "index-disparity", ...ERROR_ALERTS],
    runbook: "d1-unavailable",
    prepare: nightlyBackup,
    inject: dropTables,
    situations: ["lost"],
    variables: async (arena) => ({ BEFORE: droppedAfter.get(arena) ?? "" }),
  },
  {
    id: "full-text-gone",
    what: "the full-text table is gone: no search by words",
    alert: "error-rate",
    also: ["database-errors", "index-disparity", ...ERROR_ALERTS],
    runbook: "d1-unavailable",
    inject: async (arena) => void (await sql(arena, "DROP TABLE chunks_fts")),
    workload: (arena) => freshSearches(arena, 3),
    situations: ["corrupt"],
  },
];

/** When all was there for the last time. */
const droppedAfter = new WeakMap<Arena, string>();

/** As the schedule makes it; what is written after it no snapshot has. */
async function nightlyBackup(arena: Arena): Promise<void> {
  const { exitCode, stderr } = await shellOf(arena)`npm run --silent ops -- backup create --json`;
  if (exitCode !== 0) throw new Error(`there is no backup: ${stderr}`);
}

async function dropTables(arena: Arena): Promise<void> {
  // Cloudflare's Time Travel knows every moment; the one of this machine those that were asked for, and one a minute.
  await account(arena, "get", `d1/database/${await databaseId(arena)}/time_travel/bookmark`);
  droppedAfter.set(arena, new Date(arena.clock.now()).toISOString());
  const tables = await sql(
    arena,
    `SELECT l.name FROM pragma_table_list l WHERE l.schema = 'main' AND l.type IN ('table', 'virtual') AND ${OURS}`,
  );
  const drops = (tables as { name: string }[]).map(({ name }) => `DROP TABLE "${name}";`);
  await sql(arena, `PRAGMA defer_foreign_keys = on; ${drops.join(" ")}`);
}
