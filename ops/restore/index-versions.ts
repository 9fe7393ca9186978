/** Keeps answers that were cached before a restore from being served after it: a tenant's index version never comes twice. */
import type { D1Connection } from "../d1/connection.ts";
import { queryRows } from "../d1/query.ts";
import { INDEX_VERSION_LEAP } from "../limits.ts";

/** Tenant and how far its version has come; null: that is lost. */
type IndexVersions = [string, number][] | null;

/** Null where the table is what was lost: a restore must not need what it brings back. */
export async function readIndexVersions(connection: D1Connection): Promise<IndexVersions> {
  const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'tenants'";
  if ((await queryRows(connection, sql)).length !== 1) return null;
  const rows = await queryRows(connection, "SELECT tenant, index_version FROM tenants");
  return rows.map(([tenant, version]) => [String(tenant), Number(version)]);
}

/** Raises versions above those that were `reached`. Tenants that nobody changed since stay as they are, where that is known. */
export async function overtakeIndexVersions(connection: D1Connection, reached: IndexVersions): Promise<void> {
  const statement =
    reached === null
      ? { sql: "UPDATE tenants SET index_version = index_version + ?1", params: [INDEX_VERSION_LEAP] }
      : {
          sql: `UPDATE tenants SET index_version = (r.value ->> 1) + 1 FROM json_each(?1) r
          WHERE tenants.tenant = r.value ->> 0 AND tenants.index_version < r.value ->> 1`,
          params: [JSON.stringify(reached)],
        };
  await connection.batch([statement], { repeatable: true });
}
