/** Which release served before: what `ops rollback` goes back to. Pure. */
import type { VersionNote } from "../../infra/version-note.ts";

/** A version that had all of the traffic, as the deployments tell. */
export interface ServedVersion extends VersionNote {
  version_id: string;
  /** Short name of its code; a version without one counts as a release of its own. */
  release: string | null;
}

/**
 * The version of the newest release that served before the live one and was not itself abandoned for an older one.
 *
 * @param served newest first, the live one included.
 * @returns undefined when the deployments, as far as Cloudflare lists them, know of none.
 */
export function previousGood(served: readonly ServedVersion[]): ServedVersion | undefined {
  const nameOf = ({ release, version_id }: ServedVersion): string => release ?? version_id;
  const periods = served.toReversed();
  /** Releases by when they first served. */
  const order = [...new Set(periods.map(nameOf))];
  const rank = (version: ServedVersion): number => order.indexOf(nameOf(version));
  const live = periods.at(-1);
  if (live === undefined) return undefined;
  const good = new Map<string, boolean>();
  periods.forEach((version, index) => {
    const next = periods[index + 1];
    if (next && nameOf(next) !== nameOf(version)) good.set(nameOf(version), rank(next) > rank(version));
  });
  const earlier = served.filter((version) => rank(version) < rank(live) && good.get(nameOf(version)) === true);
  return earlier.toSorted((a, b) => rank(b) - rank(a))[0];
}
