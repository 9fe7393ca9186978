/** Who is on call when, by a rota of equal shifts with overrides. Pure. */
import { HOUR_MS } from "../ground/time.ts";
import type { Rotation } from "./configuration.ts";

export interface Shift {
  from_ms: number;
  to_ms: number;
  person: string;
}

/** Whoever is on call at a moment; null before the rota begins. */
export function onCallAt(rotation: Rotation, at_ms: number): string | null {
  return shiftsOf(rotation, at_ms, at_ms + 1)[0]?.person ?? null;
}

/** Shifts that lie in a span at least in part, oldest first, as overrides cut them. */
export function shiftsOf(rotation: Rotation, from_ms: number, to_ms: number): Shift[] {
  const { people, overrides } = rotation;
  const start_ms = Date.parse(rotation.start);
  const length_ms = rotation.shift_h * HOUR_MS;
  const shifts: Shift[] = [];
  const first = Math.max(0, Math.floor((from_ms - start_ms) / length_ms));
  for (let turn = first; start_ms + turn * length_ms < to_ms; turn++) {
    const begin_ms = start_ms + turn * length_ms;
    shifts.push({ from_ms: begin_ms, to_ms: begin_ms + length_ms, person: people[turn % people.length] ?? "" });
  }
  return overrides
    .reduce(
      (rota, { from, to, person }) => cut(rota, { from_ms: Date.parse(from), to_ms: Date.parse(to), person }),
      shifts,
    )
    .filter((shift) => shift.to_ms > from_ms && shift.from_ms < to_ms)
    .sort((a, b) => a.from_ms - b.from_ms);
}

/** Shifts with another one in place of what it covers. */
function cut(shifts: readonly Shift[], other: Shift): Shift[] {
  const rest = shifts.flatMap((shift) =>
    [
      { ...shift, to_ms: Math.min(shift.to_ms, other.from_ms) },
      { ...shift, from_ms: Math.max(shift.from_ms, other.to_ms) },
    ].filter(({ from_ms, to_ms }) => from_ms < to_ms),
  );
  return [...rest, other];
}
