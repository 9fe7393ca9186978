/** How a tenant's index stands: caches are only as good as the version they were made from. */

export interface IndexState {
  /** Grows with every write of the tenant; 0 before the first. */
  index_version: number;
  changed_at_ms: number;
}

/** The state that was read; a tenant that never wrote has none. */
export function indexStateOf(found: IndexState | null): IndexState {
  return found ?? { index_version: 0, changed_at_ms: 0 };
}

export async function indexState(db: D1Database, tenant: string): Promise<IndexState> {
  const statement = db.prepare("SELECT index_version, changed_at_ms FROM tenants WHERE tenant = ?1").bind(tenant);
  return indexStateOf(await statement.first<IndexState>());
}
