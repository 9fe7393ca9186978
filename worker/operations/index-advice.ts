/** What plans of slow statements say of missing indexes. Pure. */
import { ADVICE_ROWS_MIN } from "../limits.ts";
import type { Advice } from "../schemas/monitoring.ts";

/** A statement and how D1 answers it. */
interface Planned {
  statement: string;
  plan: string;
}

/** A step that reads a whole table: `SCAN t`, and not `SCAN t USING COVERING INDEX …` or `SCAN f VIRTUAL TABLE INDEX …`. */
const FULL_SCAN = /\bSCAN (\w+)(?=;|$)/g;
const NAMED =
  /\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+(?:AS\s+)?(?!WHERE|ON|JOIN|LEFT|SET|ORDER|GROUP|LIMIT|UNION|VALUES|INNER|CROSS|INDEXED)(\w+))?/gi;

/** The tables that a statement reads from end to end, by their names: plans call them by their aliases. */
export function scannedTables({ statement, plan }: Planned): string[] {
  const names = new Map<string, string>();
  for (const [, table = "", alias] of statement.matchAll(NAMED)) {
    names.set(table, table);
    if (alias !== undefined) names.set(alias, table);
  }
  const scanned = [...plan.matchAll(FULL_SCAN)].flatMap(([, name = ""]) => names.get(name) ?? []);
  return [...new Set(scanned)];
}

/** Advice for each full scan of a table that has enough rows to matter. */
export function indexAdvice(slow: readonly Planned[], rows: ReadonlyMap<string, number>): Advice[] {
  return slow.flatMap((one) =>
    scannedTables(one).flatMap((table) => {
      const count = rows.get(table) ?? 0;
      if (count < ADVICE_ROWS_MIN) return [];
      const advice = `reads all of ${table} each time: an index on the columns that its WHERE and ORDER BY name would spare that`;
      return [{ table, rows: count, statement: one.statement, advice }];
    }),
  );
}
