/** Values of options that several commands take. */
import { InvalidArgumentError } from "commander";

/** A whole number from 1. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Expected a whole number from 1.");
  return value;
}

/** `500ms`, `30s`, `5m`, `1h`; a bare number is seconds. In milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const unit_ms = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? "s"] ?? 1000;
  const duration_ms = Number(match?.[1]) * unit_ms;
  if (!(duration_ms > 0)) throw new InvalidArgumentError("Expected a duration such as 500ms, 30s, 5m or 1h.");
  return duration_ms;
}
