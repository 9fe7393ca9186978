/**
 * How many of a tenant's chunks hold a word, at a bounded price: counted up to a limit, estimated beyond it.
 *
 * A word is counted from both ends of the index, up to the limit from each. What lies between is taken to be as dense as the ends
 * are: exact statistics of frequent words cost a walk through the whole index, and differ in the third digit of a weight that
 * is small anyway. Nothing is stored, so nothing has to be kept, forgotten or hidden from other tenants.
 */
import type { IndexState } from "../../store/index-state.ts";

/** How many were met, and the ids of the lowest and the highest of them. */
interface Met {
  count: number;
  lowest: number;
  highest: number;
}

/** The lowest ids that hold a word; and where there are as many as may be counted, the highest ones too. */
export interface Ends {
  front: Met;
  back: Met | null;
}

/** Chunks that hold a word: exact where the count did not end at its limit. `all` are the ends of the tenant's chunks altogether. */
export function holdingOf({ front, back }: Ends, all: Ends): number {
  if (back === null) return front.count;
  const lowest = all.front.lowest;
  const highest = (all.back ?? all.front).highest;
  const density = (front.count / (front.highest - lowest + 1) + back.count / (highest - back.lowest + 1)) / 2;
  return Math.max(back.count, Math.round(density * (highest - lowest + 1)));
}

/** FTS5 expressions of one thing to be counted: where the tenant is alone, and among others. */
export interface Counted {
  alone: string;
  among: string;
}

const met = (match: string, order: string, limit: string): string =>
  `(SELECT json_object('count', count(*), 'lowest', min(rowid), 'highest', max(rowid))
    FROM (SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH ${match} ${order} LIMIT ${limit}))`;

// `+?3`, not `?3`: SQLite plans a statement for the value of a LIMIT that is a bare parameter, and may prepare it anew for another.
const OF_A_WORD = "+?3";
const OF_ALL = "(SELECT iif(others, ?3, ?7) FROM shared)";

/**
 * Common tables for a statement whose `?1` is the tenant, `?2` a JSON array of `Counted`, `?3` the limit of a count, `?4` and `?5` what is
 * wanted if the counts do not add up to that, alone and among others, `?6` what all of the tenant's chunks match, and `?7` the limit of their count
 * where the tenant is alone. `total` has one row: `found`, which `Found` describes, and `wanted`, what to match: nothing where the counts at the
 * front add up to more. Name it as seldom as can be: SQLite resolves all of this again for each time, which takes longer than to run it.
 */
export const COUNTED_TABLES = `
  shared AS MATERIALIZED (SELECT EXISTS (SELECT 1 FROM tenants WHERE tenant <> ?1) AS others),
  asked AS MATERIALIZED (
    SELECT others, key AS place, value ->> iif(others, 'among', 'alone') AS match FROM shared CROSS JOIN json_each(?2)),
  fronts AS MATERIALIZED (SELECT others, place, match, ${met("match", "", OF_A_WORD)} AS front FROM asked),
  backs AS MATERIALIZED (
    SELECT place, front, iif(front ->> 'count' < ?3, 'null', ${met("match", "ORDER BY rowid DESC", OF_A_WORD)}) AS back FROM fronts),
  own AS MATERIALIZED (
    SELECT others, front, iif(front ->> 'count' < ${OF_ALL}, 'null', ${met("?6", "ORDER BY rowid DESC", OF_ALL)}) AS back
    FROM (SELECT others, ${met("?6", "", OF_ALL)} AS front FROM shared)),
  total AS MATERIALIZED (
    SELECT iif(sum(backs.front ->> 'count') >= ?3, '""', iif(others, ?5, ?4)) AS wanted, json_object(
      'state', (SELECT json_object('index_version', index_version, 'changed_at_ms', changed_at_ms) FROM tenants WHERE tenant = ?1),
      'others', others,
      'all', json_object('front', json(own.front), 'back', json(own.back)),
      'ends', json_group_array(json_object('front', json(backs.front), 'back', json(backs.back)) ORDER BY place)) AS found
    FROM own CROSS JOIN backs)`;

/** What was counted, in JSON. */
export interface Found {
  /** How the tenant's index stands; null before its first write. */
  state: IndexState | null;
  /** There are other tenants. */
  others: 0 | 1;
  /** Of the tenant's chunks altogether. */
  all: Ends;
  /** One each of what was asked for, in order. */
  ends: Ends[];
}
