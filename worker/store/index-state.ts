/** How a tenant's index stands: caches are only as good as the version they were made from. */

export interface IndexState {
  /** Grows with every write of the tenant; 0 before the first. */
  index_version: number;
  changed_at_ms: number;
}

/** The statement, for batches that must see the state and the data in one transaction. */
export function indexStateStatement(db: D1Database, tenant: string): D1PreparedStatement {
  return db.prepare("SELECT index_version, changed_at_ms FROM tenants WHERE tenant = ?1").bind(tenant);
}

/** What `indexStateStatement` found; a tenant that never wrote has no row. */
export function indexStateOf(row: unknown): IndexState {
  return (row as IndexState | undefined | null) ?? { index_version: 0, changed_at_ms: 0 };
}

export async function indexState(db: D1Database, tenant: string): Promise<IndexState> {
  return indexStateOf(await indexStateStatement(db, tenant).first());
}
