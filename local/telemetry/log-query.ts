/** The views of the telemetry API over the kept events. Requests were checked before (`rest/telemetry.ts`). */
import { LOG_MATCH_EVENTS, LOG_MATCH_MAX_MS, LOG_QUERY_BUCKETS_DEFAULT, LOG_QUERY_EVENTS_MAX } from "../limits.ts";
import { aggregate, type Calculation, type GroupBy } from "./calculations.ts";
import {
  type FieldType,
  type FieldValue,
  type Filter,
  fieldOf,
  fieldsOf,
  matcher,
  type Needle,
  needleMatcher,
  textMatcher,
} from "./event-fields.ts";
import { DATASET, type LogEvent } from "./log-events.ts";
import type { LogStore } from "./log-store.ts";
import { matchClock } from "./match-clock.ts";

interface Timeframe {
  from: number;
  to: number;
}
interface Selection {
  timeframe: Timeframe;
  datasets?: string[] | undefined;
  filters?: Filter[] | undefined;
  filterCombination?: string | undefined;
  needle?: Needle | undefined;
}
export interface CalculationQuery extends Selection {
  calculations: Calculation[];
  groupBys: GroupBy[];
  havings: { key: string; operation: "eq" | "neq" | "gt" | "gte" | "lt" | "lte"; value: number }[];
  orderBy?: { value: string; order?: "asc" | "desc" | undefined } | undefined;
  limit: number;
  with_series: boolean;
  with_aggregates: boolean;
  granularity?: number | undefined;
}
export interface PageQuery extends Selection {
  limit: number;
  /** The id of an event, from which on older (or newer) ones are wanted. */
  offset?: string | undefined;
  direction: "next" | "prev";
}
/** What a view gives, and how many events were looked at. */
export interface Viewed<T> {
  result: T;
  rows_read: number;
}

export class LogQueries {
  readonly #store: LogStore;
  readonly #match_max_ms: number;

  constructor(store: LogStore, match_max_ms = LOG_MATCH_MAX_MS) {
    this.#store = store;
    this.#match_max_ms = match_max_ms;
  }

  /** The newest matching events, `limit` of them, and how many there are in all. */
  async events({ limit, offset, direction, ...selection }: PageQuery) {
    const { result: all, rows_read } = await this.#select(selection);
    const newestFirst = all.toSorted((a, b) => (a.$metadata.id < b.$metadata.id ? 1 : -1));
    const isBeyond = (event: LogEvent) =>
      offset === undefined || (direction === "next" ? event.$metadata.id < offset : event.$metadata.id > offset);
    const beyond = newestFirst.filter(isBeyond);
    const events = direction === "prev" && offset !== undefined ? beyond.slice(-limit) : beyond.slice(0, limit);
    const fields = new Map(events.flatMap((event) => [...fieldsOf(event)].map(([key, value]) => [key, typeof value])));
    const result = {
      events,
      count: all.length,
      fields: [...fields].map(([key, type]) => ({ key, type })).toSorted((a, b) => (a.key < b.key ? -1 : 1)),
      series: series(selection.timeframe, all, undefined).map(({ time, events: inBucket }) => ({
        time,
        data: [{ count: inBucket.length, interval: 1, sampleInterval: 1, aggregates: deprecated(inBucket.length) }],
      })),
    };
    return { result, rows_read };
  }

  /** Whole invocations of which an event matches, the newest first: id → its events in the order of time. */
  async invocations(query: PageQuery): Promise<Viewed<Record<string, LogEvent[]>>> {
    const matching = await this.events({ ...query, limit: LOG_QUERY_EVENTS_MAX });
    const wanted = new Set(matching.result.events.map((event) => event.$metadata.requestId));
    const ids = [...wanted].slice(0, query.limit);
    const all = await this.#select({ timeframe: query.timeframe });
    const grouped = Map.groupBy(all.result, (event) => event.$metadata.requestId);
    const inOrder = (events: LogEvent[]) => events.toSorted((a, b) => (a.$metadata.id < b.$metadata.id ? -1 : 1));
    return {
      result: Object.fromEntries(ids.map((id) => [id, inOrder(grouped.get(id) ?? [])])),
      rows_read: matching.rows_read + all.rows_read,
    };
  }

  async calculations(query: CalculationQuery) {
    const { result: events, rows_read } = await this.#select(query);
    const { calculations, groupBys, havings, orderBy, limit } = query;
    const named = (calculation: Calculation) => calculation.alias ?? calculation.operator;
    const groupName = (one: { groups?: unknown }) => JSON.stringify(one.groups ?? []);
    const computed = calculations.map((calculation) => ({
      calculation,
      aggregates: aggregate(calculation, groupBys, events),
    }));
    // A group that a condition leaves out is left out of every calculation.
    const left = havings.flatMap(({ key, operation, value }) => {
      const judged = computed.find(({ calculation }) => named(calculation) === key || calculation.operator === key);
      return (judged?.aggregates ?? []).filter((one) => !COMPARE[operation](one.value, value)).map(groupName);
    });
    const dropped = new Set(left);
    const leading = computed.find(({ calculation }) => named(calculation) === orderBy?.value) ?? computed[0];
    const ordered = leading?.aggregates.map(groupName) ?? [];
    const order = new Map((orderBy?.order === "asc" ? ordered.toReversed() : ordered).map((name, at) => [name, at]));
    const place = (one: { groups?: unknown }) => order.get(groupName(one)) ?? order.size;
    const shown = new Set<string>();
    const result = computed.map(({ calculation, aggregates }) => {
      const kept = aggregates
        .filter((one) => !dropped.has(groupName(one)))
        .toSorted((a, b) => place(a) - place(b))
        .slice(0, limit);
      for (const one of kept) shown.add(groupName(one));
      return {
        calculation: calculation.operator,
        ...(calculation.alias === undefined ? {} : { alias: calculation.alias }),
        aggregates: query.with_aggregates ? kept : [],
        series: query.with_series
          ? series(query.timeframe, events, query.granularity).map(({ time, events: inBucket }) => ({
              time,
              data: aggregate(calculation, groupBys, inBucket).filter((one) => shown.has(groupName(one))),
            }))
          : [],
      };
    });
    return { result, rows_read };
  }

  /** Fields that events have, and when each was seen last. */
  async keys(selection: Selection, keyNeedle: Needle | undefined, limit: number) {
    const isWanted = keyNeedle ? textMatcher(keyNeedle) : () => true;
    const found = new Map<string, { key: string; type: FieldType; lastSeenAt: number }>();
    for (const event of (await this.#select(selection)).result) {
      for (const [key, value] of fieldsOf(event)) {
        const type = typeof value as FieldType;
        const lastSeenAt = Math.max(found.get(`${type} ${key}`)?.lastSeenAt ?? 0, event.timestamp);
        found.set(`${type} ${key}`, { key, type, lastSeenAt });
      }
    }
    const wanted = matchClock(this.#match_max_ms)(() => [...found.values()].filter(({ key }) => isWanted(key)));
    return wanted.toSorted((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
  }

  /** The different values of a field, the most frequent first. */
  async values(selection: Selection, key: string, type: FieldType, limit: number) {
    const counts = new Map<FieldValue, number>();
    for (const event of (await this.#select(selection)).result) {
      const value = fieldOf(event, key);
      if (value !== undefined && typeof value === type) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, limit)
      .map(([value]) => ({ dataset: DATASET, key, type, value }));
  }

  async #select(selection: Selection): Promise<Viewed<LogEvent[]>> {
    const { timeframe, datasets = [], filters = [], filterCombination, needle } = selection;
    const isLetThrough = matcher(filters, filterCombination);
    const isFound = needle ? needleMatcher(needle) : () => true;
    const result: LogEvent[] = [];
    if (datasets.length > 0 && !datasets.includes(DATASET)) return { result, rows_read: 0 };
    let rows_read = 0;
    let waiting: LogEvent[] = [];
    const inTime = matchClock(this.#match_max_ms);
    const match = () => {
      rows_read += waiting.length;
      const part = waiting;
      waiting = [];
      result.push(...inTime(() => part.filter((event) => isLetThrough(event) && isFound(event))));
    };
    for await (const event of this.#store.events(timeframe)) {
      waiting.push(event);
      if (waiting.length === LOG_MATCH_EVENTS) match();
    }
    match();
    return { result, rows_read };
  }
}

const COMPARE = {
  eq: (a: number, b: number) => a === b,
  neq: (a: number, b: number) => a !== b,
  gt: (a: number, b: number) => a > b,
  gte: (a: number, b: number) => a >= b,
  lt: (a: number, b: number) => a < b,
  lte: (a: number, b: number) => a <= b,
};

/** Events by their time, in equal parts of the timeframe; parts without any are left out. */
function series({ from, to }: Timeframe, events: readonly LogEvent[], granularity = LOG_QUERY_BUCKETS_DEFAULT) {
  const bucket_ms = Math.max(1, Math.ceil((to - from) / granularity));
  const buckets = Map.groupBy(events, ({ timestamp }) => from + Math.floor((timestamp - from) / bucket_ms) * bucket_ms);
  return [...buckets]
    .toSorted(([a], [b]) => a - b)
    .map(([at, inBucket]) => ({ time: new Date(at).toISOString(), events: inBucket }));
}

function deprecated(count: number) {
  return { _count: count, _interval: 1 };
}
