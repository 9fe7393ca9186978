/** The pure half of local Time Travel: bookmarks that sort by time, and which snapshots may go. No I/O, no clock. */
import { TIME_TRAVEL_WINDOW_MS } from "../infra/cloudflare-limits.ts";
import { MINUTE_MS } from "../worker/ground/time.ts";
import { TIME_TRAVEL_BYTES_MAX, TIME_TRAVEL_SNAPSHOTS_MAX } from "./limits.ts";

export interface Snapshot {
  bookmark: string;
  at_ms: number;
  /** Orders snapshots of the same millisecond. */
  sequence: number;
  bytes: number;
  /** Somebody was given this bookmark: kept before those that were only taken in passing. */
  asked: boolean;
  file: string;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** A bookmark of Cloudflare's shape, `8-8-8-32` hex digits: high and low half of the time, sequence, nonce. */
export function bookmarkAt(at_ms: number, sequence: number, nonce: string): string {
  const high = Math.floor(at_ms / 2 ** 32);
  return `${hex(high, 8)}-${hex(at_ms % 2 ** 32, 8)}-${hex(sequence, 8)}-${nonce.padStart(32, "0")}`;
}

/** When the state of a bookmark was taken, in milliseconds since the epoch. */
export function bookmarkTime_ms(bookmark: string): number {
  return Number.parseInt(bookmark.slice(0, 8), 16) * 2 ** 32 + Number.parseInt(bookmark.slice(9, 17), 16);
}

/** The older, the coarser: within `age_ms`, one automatic snapshot in each `grain_ms` stays. */
const GRAINS = [
  { age_ms: 10 * MINUTE_MS, grain_ms: 1 },
  { age_ms: 120 * MINUTE_MS, grain_ms: 15 * MINUTE_MS },
  { age_ms: 24 * 60 * MINUTE_MS, grain_ms: 120 * MINUTE_MS },
  { age_ms: TIME_TRAVEL_WINDOW_MS, grain_ms: 24 * 60 * MINUTE_MS },
];

/**
 * The snapshots (given oldest first) that need not be kept: those outside the window, automatic ones that a later
 * one of the same grain stands for, then the oldest beyond the bounds of count and bytes. The newest always stays.
 */
export function surplusSnapshots(snapshots: readonly Snapshot[], now_ms: number): Snapshot[] {
  const surplus = new Set<Snapshot>();
  const newest = snapshots.at(-1);
  const grains = new Set<string>();
  for (const snapshot of snapshots.toReversed()) {
    const age_ms = now_ms - snapshot.at_ms;
    const grain_ms = GRAINS.find((grain) => age_ms <= grain.age_ms)?.grain_ms;
    const slot =
      grain_ms && `${grain_ms}:${Math.floor(snapshot.at_ms / grain_ms)}:${grain_ms === 1 ? snapshot.bookmark : ""}`;
    if (!slot) surplus.add(snapshot);
    else if (!snapshot.asked && grains.has(slot)) surplus.add(snapshot);
    else if (!snapshot.asked) grains.add(slot);
  }
  if (newest) surplus.delete(newest);
  const kept = snapshots.filter((snapshot) => !surplus.has(snapshot));
  let bytes = kept.reduce((sum, snapshot) => sum + snapshot.bytes, 0);
  let count = kept.length;
  const expendable = [...kept.filter(({ asked }) => !asked), ...kept.filter(({ asked }) => asked)];
  for (const snapshot of expendable) {
    if (count <= TIME_TRAVEL_SNAPSHOTS_MAX && bytes <= TIME_TRAVEL_BYTES_MAX) break;
    if (snapshot === newest) continue;
    surplus.add(snapshot);
    count--;
    bytes -= snapshot.bytes;
  }
  return [...surplus];
}
