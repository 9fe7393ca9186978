/** The plan of one statement that reads. D1 is asked how it would be done; it is not done. */
import { z } from "zod";
import { splitStatements } from "../../infra/sql-statements.ts";
import { indexAdvice, scannedTables } from "../../worker/operations/index-advice.ts";
import { asOpsError, misuse, type OpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { firstNumber, queryTexts } from "../d1/query.ts";
import { quoted } from "../d1/schema.ts";

export const planStep = z.strictObject({ id: z.int(), parent: z.int(), detail: z.string() });
type Step = z.infer<typeof planStep>;

/** @throws OpsError of usage for anything but one SELECT, and in D1's words for one that it cannot plan. */
export async function queryPlan(connection: D1Connection, sql: string): Promise<Step[]> {
  const [statement, ...more] = splitStatements(sql).map(({ text }) => text);
  if (statement === undefined || more.length > 0)
    throw refused(sql, statement === undefined ? "there is none" : `there are ${more.length + 1}`);
  if (!/^(?:SELECT|WITH|VALUES)\b/i.test(statement)) throw refused(sql, "it is another one");
  const params = Array.from({ length: placeholders(statement) }, () => null);
  const explain = (text: string) => ({ sql: `EXPLAIN QUERY PLAN ${text}`, params });
  // Whatever stands in brackets is a query, or a mistake: a WITH that leads to a DELETE ends here.
  const asked = [explain(`SELECT * FROM (${statement}\n)`), explain(statement)];
  const [, plan] = await connection.batch(asked).catch((thrown: unknown) => {
    const error = asOpsError(thrown);
    throw error.status === 400 ? refused(sql, error.parts.cause) : error;
  });
  return (plan?.rows ?? []).map(([id, parent, , detail]) => ({
    id: Number(id),
    parent: Number(parent),
    detail: String(detail),
  }));
}

/** Full scans of the plan, with the rows that each reads every time, and advice on those that are worth an index. */
export async function scansOf(connection: D1Connection, statement: string, steps: readonly Step[]) {
  const planned = { statement, plan: steps.map(({ detail }) => detail).join("; ") };
  // A plan scans what a WITH names, too.
  const sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN (SELECT value FROM json_each(?1))";
  const tables = await queryTexts(connection, sql, [JSON.stringify(scannedTables(planned))]);
  if (tables.length === 0) return { scans: [], advice: [] };
  const counted = await connection.batch(tables.map((name) => ({ sql: `SELECT count(*) FROM ${quoted(name)}` })));
  const scans = tables.map((table, at) => ({ table, rows: firstNumber(counted[at]) }));
  return { scans, advice: indexAdvice([planned], new Map(scans.map(({ table, rows }) => [table, rows]))) };
}

/** A plan does not depend on their values, but D1 wants as many as there are. */
function placeholders(statement: string): number {
  const bare = statement.replace(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"/g, " ");
  const marks = [...bare.matchAll(/\?(\d*)/g)];
  return Math.max(marks.filter(([, number]) => number === "").length, ...marks.map(([, number]) => Number(number)));
}

function refused(sql: string, cause: string): OpsError {
  return misuse({
    op: "explain",
    subject: sql.length > 80 ? `${sql.slice(0, 80)}…` : sql,
    cause: `one SELECT, or one WITH that ends in it, is explained: ${cause}`,
    hint: `npm run ops -- db explain "SELECT …"`,
  });
}
