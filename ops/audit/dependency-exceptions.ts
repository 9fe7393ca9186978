/**
 * Advisories that are known and borne with for a while, so that the next reader can judge anew. `id` as GitHub calls it (`GHSA-…`), `reason`
 * why it does not concern us, `until` the day (UTC) from which it counts again.
 */
export interface DependencyException {
  id: string;
  reason: string;
  until: string;
}

export const EXCEPTIONS: readonly DependencyException[] = [];
