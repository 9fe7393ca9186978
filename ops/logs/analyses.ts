/** The standard analyses of the log: each takes lines one by one and says at the end what they come to. Pure. */
import { z } from "zod";
import { USD_PER_1000_NEURONS } from "../../infra/cloudflare-limits.ts";
import { rounded } from "../command/rounded.ts";
import { fieldNumber, fieldText, type LogLine, routeOf } from "./log-line.ts";

interface Analysis<Row> {
  add(line: LogLine): void;
  rows(): Row[];
}

export const errorRow = z.strictObject({
  kind: z.string().describe("type of the error, or name of the exception"),
  route: z.string().nullable(),
  count: z.int(),
  first_at: z.string(),
  last_at: z.string(),
  /** Of the last one. */
  message: z.string(),
  request_id: z.string().nullable(),
});
export type ErrorRow = z.infer<typeof errorRow>;

/** Lines of level ERROR by kind and route, the most frequent first. An exception has no route: it ended before one was told. */
export function errorsByKind(): Analysis<ErrorRow> {
  const rows = new Map<string, ErrorRow>();
  return {
    add(line) {
      if (line.level !== "ERROR") return;
      const status = fieldText(line, "status_code");
      const kind =
        fieldText(line, "error.type") ??
        fieldText(line, "exception.name") ??
        (status === null ? "(no type)" : `status ${status}`);
      const route = routeOf(line);
      const key = JSON.stringify([kind, route]);
      const { first_at, count } = rows.get(key) ?? { first_at: line.at, count: 0 };
      rows.set(key, {
        kind,
        route,
        count: count + 1,
        first_at,
        last_at: line.at,
        message: fieldText(line, "error.message") ?? line.message,
        request_id: fieldText(line, "request_id"),
      });
    },
    rows: () => [...rows.values()].sort((a, b) => b.count - a.count || (a.last_at < b.last_at ? 1 : -1)),
  };
}

export const slowRow = z.strictObject({
  route: z.string(),
  count: z.int(),
  p50_ms: z.number(),
  p95_ms: z.number(),
  p99_ms: z.number(),
  max_ms: z.number(),
  slowest_at: z.string(),
  slowest_request_id: z.string().nullable(),
});
export type SlowRow = z.infer<typeof slowRow>;

/** How long each route took, those with the longest 95th percentile first. Exact: every line counts, by nearest rank. */
export function durationsByRoute(): Analysis<SlowRow> {
  const routes = new Map<string, { durations: number[]; slowest: LogLine; max_ms: number }>();
  return {
    add(line) {
      const route = routeOf(line);
      const duration_ms = fieldNumber(line, "duration_ms");
      if (route === null || duration_ms === null) return;
      const known = routes.get(route);
      if (known === undefined) {
        routes.set(route, { durations: [duration_ms], slowest: line, max_ms: duration_ms });
        return;
      }
      known.durations.push(duration_ms);
      if (duration_ms > known.max_ms) Object.assign(known, { slowest: line, max_ms: duration_ms });
    },
    rows: () =>
      [...routes]
        .map(([route, { durations, slowest, max_ms }]) => {
          const sorted = durations.toSorted((a, b) => a - b);
          const at = (share: number) => nearestRank(sorted, share);
          return {
            route,
            count: sorted.length,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms,
            slowest_at: slowest.at,
            slowest_request_id: fieldText(slowest, "request_id"),
          };
        })
        .sort((a, b) => b.p95_ms - a.p95_ms),
  };
}

/**
 * The least value that so large a share of them is not above.
 * @param sorted ascending, not empty.
 */
export function nearestRank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

export const tokensRow = z.strictObject({
  model: z.string(),
  answers: z.int(),
  input: z.int(),
  output: z.int(),
  saved: z.int(),
  saved_percentage: z.number().describe("of what the passages would have cost unoptimised: saved / (saved + input)"),
  neurons: z.number(),
  usd: z.number().describe("at list price, as if no neurons were free"),
});
export type TokensRow = z.infer<typeof tokensRow>;

/** Tokens by the model that answered, those with the most first. */
export function tokensByModel(): Analysis<TokensRow> {
  const models = new Map<string, { answers: number; input: number; output: number; saved: number; neurons: number }>();
  return {
    add(line) {
      const model = fieldText(line, "model");
      if (model === null) return;
      const sum = models.get(model) ?? { answers: 0, input: 0, output: 0, saved: 0, neurons: 0 };
      models.set(model, sum);
      sum.answers += 1;
      for (const name of ["input", "output", "saved"] as const) sum[name] += fieldNumber(line, `tokens.${name}`) ?? 0;
      sum.neurons += fieldNumber(line, "neurons") ?? 0;
    },
    rows: () =>
      [...models]
        .map(([model, { neurons, ...sum }]) => ({
          model,
          ...sum,
          saved_percentage: sum.saved === 0 ? 0 : rounded((100 * sum.saved) / (sum.saved + sum.input), 1),
          neurons: rounded(neurons, 3),
          usd: rounded((neurons / 1000) * USD_PER_1000_NEURONS, 6),
        }))
        .sort((a, b) => b.input + b.output - a.input - a.output),
  };
}
