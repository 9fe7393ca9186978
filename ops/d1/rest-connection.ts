/** A D1 database over Cloudflare's REST API. */
import { REPEATABLE } from "../cloudflare/api.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import type { D1Connection, JsonValue, Rows } from "./connection.ts";

/** What the API answers to `raw`: looser in the SDK's types than in fact. */
interface RawResult {
  results?: { columns?: string[]; rows?: unknown[][] };
  meta?: { rows_read?: number; rows_written?: number };
}

/**
 * A connection to one database. `api` comes from `createCloudflare`: it obeys the request budget, repeats what may be repeated, and its
 * errors are `OpsError`s in D1's own words.
 */
export function restD1(api: Cloudflare, account_id: string, database_id: string): D1Connection {
  return {
    async batch(statements, { repeatable = false } = {}) {
      const batch = statements.map(({ sql, params = [] }) => ({ sql, params: params as string[] }));
      const isRepeatable = repeatable || statements.every(({ sql }) => /^\s*SELECT\b/i.test(sql));
      const page = await api.d1.database.raw(database_id, { account_id, batch }, isRepeatable ? REPEATABLE : {});
      return (page.result as RawResult[]).map(asRows);
    },
  };
}

function asRows({ results, meta }: RawResult): Rows {
  return {
    columns: results?.columns ?? [],
    rows: (results?.rows ?? []) as JsonValue[][],
    rows_read: meta?.rows_read ?? 0,
    rows_written: meta?.rows_written ?? 0,
  };
}
