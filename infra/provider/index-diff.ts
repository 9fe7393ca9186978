/** What has to happen for an index to become what is asked for. Pure: the same rules serve the plan and the update. */
import { isDeepStrictEqual } from "node:util";
import type { MetadataIndex } from "./index-inputs.ts";
import type { Diff, Properties } from "./plugin.ts";
import { hasUnknown } from "./unknowns.ts";

/** Vectorize has no call that changes these. */
const FIXED = ["accountId", "name", "dimensions", "metric"] as const;

/**
 * A description cannot be changed either, but nobody loses an index over it: it is no difference, and
 * `VectorizeIndex.diff` says so. Metadata indexes are a set.
 */
export function indexDiff(state: Properties, news: Properties): Diff {
  const differs = (name: string) => hasUnknown(news[name]) || !isDeepStrictEqual(state[name], news[name]);
  const replaces = FIXED.filter(differs);
  const changed: Diff["changed"] = Object.fromEntries(replaces.map((name) => [name, "update"]));
  if (hasUnknown(news.metadataIndexes) || metadataIndexesDiffer(state, news)) changed.metadataIndexes = "update";
  if (differs("forceDestroy")) changed.forceDestroy = "update";
  const moves = replaces.includes("name") || replaces.includes("accountId");
  return { changed, replaces: [...replaces], delete_before_replace: replaces.length > 0 && !moves };
}

interface MetadataIndexChanges {
  /** Properties whose index goes; one whose type changes goes and comes again. */
  removed: string[];
  added: MetadataIndex[];
}

export function metadataIndexChanges(
  live: readonly MetadataIndex[],
  wanted: readonly MetadataIndex[],
): MetadataIndexChanges {
  const lacks = (all: readonly MetadataIndex[], { property, type }: MetadataIndex) =>
    !all.some((one) => one.property === property && one.type === type);
  return {
    removed: live.filter((one) => lacks(wanted, one)).map(({ property }) => property),
    added: wanted.filter((one) => lacks(live, one)),
  };
}

/** The live ones in the order in which they were declared, so that a refresh shows no mere change of order. */
export function inDeclaredOrder(live: readonly MetadataIndex[], declared: unknown): MetadataIndex[] {
  const order = Array.isArray(declared) ? declared.map((one) => (one as MetadataIndex).property) : [];
  const rank = ({ property }: MetadataIndex) => (order.indexOf(property) + order.length + 1) % (order.length + 1);
  return live.toSorted((a, b) => rank(a) - rank(b));
}

function metadataIndexesDiffer(state: Properties, news: Properties): boolean {
  const { removed, added } = metadataIndexChanges(
    (state.metadataIndexes ?? []) as MetadataIndex[],
    (news.metadataIndexes ?? []) as MetadataIndex[],
  );
  return removed.length + added.length > 0;
}
