/** Options that several benches take. */
import { InvalidArgumentError } from "commander";

/** A whole number from 1, for options that count. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Expected a whole number from 1.");
  return value;
}
