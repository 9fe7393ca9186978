/** All faults and the quiet day, on as few platforms as leave no fault behind, some of them at once: each has a clock of its own. */
import { counted } from "../../worker/ground/counted.ts";
import type { Invocation } from "../command/invocation.ts";
import { GAMEDAY_PLATFORMS_AT_ONCE } from "../limits.ts";
import { type Arena, onArena } from "./arena.ts";
import type { Fault } from "./fault.ts";
import { play, warmUp } from "./play.ts";
import type { Played } from "./played.ts";
import { isForgotten, quietHours } from "./quiet.ts";

interface PlayedAll {
  /** In the order in which they were asked for. */
  faults: Played[];
  /** Alerts of the quiet hours. */
  told: string[];
}

/** Who hears of results as they come: they must not be lost by what ends the run early. */
interface Listener {
  onPlayed(came: Played): void;
  onQuiet(told: readonly string[]): void;
}

/** @throws what ended a platform; all others are ended, too. */
export async function playAll(
  invocation: Invocation,
  faults: readonly Fault[],
  quiet_hours: number,
  listener: Listener,
): Promise<PlayedAll> {
  const { progress } = invocation;
  progress.start("faults", faults.length);
  const done = new Map<Fault, Played>();
  const waiting = [...faults];
  const failed = new AbortController();
  const own = { ...invocation, signal: AbortSignal.any([invocation.signal, failed.signal]) };

  const quiet = async (): Promise<string[]> => {
    if (quiet_hours === 0) return [];
    const told = await onArena(own, async (arena) => {
      await warmUp(arena);
      return quietHours(arena, quiet_hours);
    });
    listener.onQuiet(told);
    return told;
  };
  /** Plays a fault, and what waits, until one leaves something behind. */
  const playFrom = async (arena: Arena, first: Fault): Promise<void> => {
    for (let fault: Fault | undefined = first; fault !== undefined; fault = waiting.shift()) {
      await fault.prepare?.(arena);
      const early = await warmUp(arena);
      await fault.approach?.(arena);
      const came = await play(arena, fault, early);
      done.set(fault, came);
      listener.onPlayed(came);
      progress.update(done.size);
      own.note(`${fault.id}: told after ${came.detected_after_s} s, recovered after ${came.recovered_after_s} s`);
      const isWell = came.recovered_after_s !== null && came.lost === 0;
      if (!isWell || waiting[0] === undefined || waiting[0].alone || !(await isForgotten(arena))) return;
    }
  };
  const lane = async (): Promise<void> => {
    for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
      const first = fault;
      await onArena(own, (arena) => playFrom(arena, first));
    }
  };

  const day = quiet();
  const lanes = [day.then(lane), ...Array.from({ length: GAMEDAY_PLATFORMS_AT_ONCE - 1 }, lane)];
  await Promise.allSettled(
    lanes.map((one) =>
      one.catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    ),
  );
  await Promise.all(lanes);
  progress.stop(`${counted(done.size, "fault")} played`);
  return { faults: faults.flatMap((fault) => done.get(fault) ?? []), told: await day };
}
