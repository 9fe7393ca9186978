/** The dates of cron expressions, all in UTC: no clock change moves or doubles one. Pure. */
import { Cron } from "croner";

const cached = new Map<string, Cron>();

function parsed(cron: string): Cron {
  const known = cached.get(cron) ?? new Cron(cron, { mode: "5-part", timezone: "UTC", paused: true });
  cached.set(cron, known);
  return known;
}

/** The first date after `at_ms`. @throws Error where there is none, which a cron expression of five fields can mean (30 February). */
export function nextDate_ms(cron: string, at_ms: number): number {
  const next = parsed(cron).nextRun(new Date(at_ms));
  if (next === null) throw new Error(`"${cron}" has no date after ${new Date(at_ms).toISOString()}`);
  return next.getTime();
}

/** The last date up to `at_ms`, which may be it; null where there was none. */
export function lastDate_ms(cron: string, at_ms: number): number | null {
  return (
    parsed(cron)
      .previousRuns(1, new Date(at_ms + 1))[0]
      ?.getTime() ?? null
  );
}

/** Dates after `from_ms` up to `to_ms`. */
export function datesBetween_ms(cron: string, from_ms: number, to_ms: number): number[] {
  const dates: number[] = [];
  for (let at_ms = nextDate_ms(cron, from_ms); at_ms <= to_ms; at_ms = nextDate_ms(cron, at_ms)) dates.push(at_ms);
  return dates;
}

/** The expressions among these on whose dates all dates of the others fall, in a year: whoever starts at those misses none. */
export function triggersOf(crons: readonly string[], from_ms: number): string[] {
  const year_ms = from_ms + 366 * 86_400_000;
  const dates = new Map([...new Set(crons)].map((cron) => [cron, datesBetween_ms(cron, from_ms, year_ms)]));
  const often = [...dates].sort(([, a], [, b]) => b.length - a.length);
  return often
    .filter(([, own], index) => {
      const before = new Set(often.slice(0, index).flatMap(([, others]) => others));
      return own.length === 0 || own.some((date) => !before.has(date));
    })
    .map(([cron]) => cron);
}
