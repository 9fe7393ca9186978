/** Faults one after another, on as few platforms as leave no fault behind. */
import type { Invocation } from "../command/invocation.ts";
import { onArena } from "./arena.ts";
import type { Fault } from "./fault.ts";
import { play, warmUp } from "./play.ts";
import type { Played } from "./played.ts";
import { isForgotten, quietHours } from "./quiet.ts";

interface PlayedAll {
  faults: Played[];
  /** Alerts of the quiet hours. */
  told: string[];
}

export async function playAll(
  invocation: Invocation,
  faults: readonly Fault[],
  quiet_hours: number,
  on_played: (came: Played) => void,
): Promise<PlayedAll> {
  const { progress } = invocation;
  progress.start("faults", faults.length);
  const done: Played[] = [];
  while (done.length < faults.length)
    await onArena(invocation, async (arena) => {
      for (const fault of faults.slice(done.length)) {
        await fault.prepare?.(arena);
        await warmUp(arena);
        await fault.approach?.(arena);
        const came = await play(arena, fault);
        done.push(came);
        on_played(came);
        progress.update(done.length);
        invocation.note(
          `${fault.id}: told after ${came.detected_after_s} s, recovered after ${came.recovered_after_s} s`,
        );
        const isWell = came.recovered_after_s !== null && came.lost === 0;
        if (!isWell || !(await isForgotten(arena))) return;
      }
    });
  progress.stop(`${done.length} faults played`);
  const told =
    quiet_hours === 0
      ? []
      : await onArena(invocation, async (arena) => {
          await warmUp(arena);
          return quietHours(arena, quiet_hours);
        });
  return { faults: done, told };
}
