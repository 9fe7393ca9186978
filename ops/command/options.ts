/** Values of options that several commands take, as schemas of what is typed. */
import { z } from "zod";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../worker/ground/time.ts";
import { TIMER_MS_MAX } from "../limits.ts";
import { type OpsError, refusal } from "./errors.ts";

/** A whole number from 1. */
export const positive = z.int("expected a whole number from 1").min(1, "expected a whole number from 1");

const DURATION_UNITS_MS = { ms: 1, s: 1000, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS } as const;

/** `500ms`, `30s`, `5m`, `1h`, `2d`; a bare number is seconds. In milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const duration_ms = Number(amount) * DURATION_UNITS_MS[unit as keyof typeof DURATION_UNITS_MS];
  return duration_ms > 0 ? duration_ms : undefined;
}

/** As `parseDuration`. */
export const duration = z.string().transform((text, context): number => {
  const duration_ms = parseDuration(text);
  if (duration_ms !== undefined) return duration_ms;
  context.addIssue("expected a duration such as 500ms, 30s, 5m, 1h or 2d");
  return z.NEVER;
});

/** A duration that something is waited for. */
export const wait = duration.refine((wait_ms) => wait_ms <= TIMER_MS_MAX, "24 days are the most");

const RATE_UNITS = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 } as const;

/** `500kB/s`, `5MB/s`; powers of ten. In bytes a second. */
export const rate = z.string().transform((text, context): number => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(B|kB|MB|GB)\/s$/.exec(text) ?? [];
  const bytes_per_s = Number(amount) * RATE_UNITS[unit as keyof typeof RATE_UNITS];
  if (bytes_per_s > 0) return bytes_per_s;
  context.addIssue("expected a rate such as 500kB/s or 5MB/s");
  return z.NEVER;
});

/**
 * A moment relative to now, which the command's clock tells. Milliseconds since the epoch.
 * @throws OpsError where it should be before now and is not, or after.
 */
type Moment = (now_ms: number) => number;

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** Milliseconds since the epoch; NaN for what is no ISO date, or a day that no calendar has. `Date.parse` takes either for another day. */
function parseIso(text: string): number {
  const [, day] = ISO.exec(text) ?? [];
  const day_ms = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(day_ms) || !new Date(day_ms).toISOString().startsWith(`${day}`) ? Number.NaN : Date.parse(text);
}

/** A date with a time, and nothing that says of which place: of this machine's. */
const LOCAL = /^\d{4}-\d\d-\d\d[T ][\d:.]+$/;

/**
 * Why a local time is not one moment: clocks are set forward over it, or back to it. `Date.parse` takes the hour after, or the first of the
 * two, without a word. Null for every other text.
 */
function whyNoMoment(text: string, at_ms: number): { cause: string; candidates: string[] } | null {
  if (!LOCAL.test(text)) return null;
  const shown_ms = Date.parse(`${text.replace(" ", "T")}Z`);
  const offsets_min = [-DAY_MS, DAY_MS].map((aside_ms) => -new Date(at_ms + aside_ms).getTimezoneOffset());
  const offsetAt_min = (ms: number) => -new Date(ms).getTimezoneOffset();
  const moments = [...new Set(offsets_min)].filter(
    (offset_min) => offsetAt_min(shown_ms - offset_min * MINUTE_MS) === offset_min,
  );
  if (moments.length === 1) return null;
  const candidates = [...new Set(offsets_min)].map((offset_min) => `${text}${offsetTold(offset_min)}`);
  const cause =
    moments.length === 0
      ? "no clock here shows this time on that day: clocks are set forward over it"
      : "clocks here show this time twice on that day: they are set back";
  return { cause, candidates };
}

/** `+02:00` */
function offsetTold(offset_min: number): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const ahead_min = Math.abs(offset_min);
  return `${offset_min < 0 ? "-" : "+"}${two(Math.floor(ahead_min / 60))}:${two(ahead_min % 60)}`;
}

/** `90m`, `6h`, `2d` before (`direction` -1) or after (1) now, which `6h ago` and `in 6h` say as well, or an ISO date. */
function moment(direction: 1 | -1) {
  const span = direction === -1 ? /^(\d{1,6})(m|h|d)(?: ago)?$/ : /^(?:in )?(\d{1,6})(m|h|d)$/;
  return z.string().transform((text, context): Moment => {
    const [, amount, unit] = span.exec(text) ?? [];
    if (unit !== undefined)
      return (now_ms) =>
        now_ms + direction * Number(amount) * DURATION_UNITS_MS[unit as keyof typeof DURATION_UNITS_MS];
    const at_ms = parseIso(text);
    if (!Number.isNaN(at_ms)) {
      const unclear = whyNoMoment(text, at_ms);
      if (unclear !== null) {
        context.addIssue(`${unclear.cause}; with its offset it is one moment: ${unclear.candidates.join(" or ")}`);
        return z.NEVER;
      }
      return (now_ms) => {
        if ((at_ms - now_ms) * direction < 0) throw wrongSide(text, at_ms, now_ms);
        return at_ms;
      };
    }
    const side = direction === -1 ? "ago" : "from now";
    context.addIssue(`expected a time ${side} such as 90m, 6h or 2d, or an ISO date such as 2026-11-20T12:00:00Z`);
    return z.NEVER;
  });
}

/** Mostly local time that was typed as UTC. */
function wrongSide(text: string, at_ms: number, now_ms: number): OpsError {
  const side = at_ms > now_ms ? "in the future" : "in the past";
  return refusal({
    op: "understand",
    subject: text,
    cause: `it is ${side}: now it is ${new Date(now_ms).toISOString()} in UTC`,
    hint: "a Z at the end means UTC; local time ends in its offset, such as +02:00",
  });
}

export const momentBefore = moment(-1);
export const momentAfter = moment(1);

/** `a,b`, each one of `choices`. */
export function commaList<const Choices extends readonly string[]>(choices: Choices) {
  return z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(z.enum(choices)));
}
