/** One query of a D1 database, and what it comes to. It only reads, so it may be sent twice. */
import type { D1Connection, JsonValue, Rows } from "./connection.ts";

/** Its rows. @throws OpsError in D1's words. */
export async function queryRows(
  connection: D1Connection,
  sql: string,
  params: readonly JsonValue[] = [],
): Promise<JsonValue[][]> {
  const [answer] = await connection.batch([{ sql, params }], { repeatable: true });
  return answer?.rows ?? [];
}

/** Names or ids: the first column of its rows. @throws OpsError in D1's words. */
export async function queryTexts(...query: Parameters<typeof queryRows>): Promise<string[]> {
  return (await queryRows(...query)).map(([text]) => String(text));
}

/** A count or another single number. @throws OpsError in D1's words. */
export async function queryNumber(...query: Parameters<typeof queryRows>): Promise<number> {
  return numberIn(await queryRows(...query));
}

/** The single number of an answer; 0 where there is no row. */
export function firstNumber(answer: Rows | undefined): number {
  return numberIn(answer?.rows ?? []);
}

function numberIn(rows: readonly (readonly JsonValue[])[]): number {
  return Number(rows[0]?.[0] ?? 0);
}
