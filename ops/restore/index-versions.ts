/** Keeps answers that were cached before a restore from being served after it: a tenant's index version never comes twice. */
import type { D1Connection } from "../d1/connection.ts";

/** Tenant and how far its version has come. */
type IndexVersions = [string, number][];

export async function readIndexVersions(connection: D1Connection): Promise<IndexVersions> {
  const [found] = await connection.batch([{ sql: "SELECT tenant, index_version FROM tenants" }]);
  return (found?.rows ?? []).map(([tenant, version]) => [String(tenant), Number(version)]);
}

/** Raises versions above those that were `reached`. Tenants that nobody changed since stay as they are. */
export async function overtakeIndexVersions(connection: D1Connection, reached: IndexVersions): Promise<void> {
  await connection.batch(
    [
      {
        sql: `UPDATE tenants SET index_version = (r.value ->> 1) + 1 FROM json_each(?1) r
          WHERE tenants.tenant = r.value ->> 0 AND tenants.index_version < r.value ->> 1`,
        params: [JSON.stringify(reached)],
      },
    ],
    { repeatable: true },
  );
}
