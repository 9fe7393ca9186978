import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { afterHeartbeat, type Heartbeat, type Job, refusalOf } from "./heartbeats.ts";

const START: Heartbeat = {
  result: "start",
  at_ms: 100_000,
  duration_ms: null,
  run_id: "first",
  due_ms: 90_000,
  next_due_ms: null,
  grace_s: 60,
};
const running = afterHeartbeat("backup", null, START);
const done = afterHeartbeat("backup", running, { ...START, result: "success", at_ms: 120_000 });
const other = (change: Partial<Heartbeat> = {}): Heartbeat => ({
  ...START,
  run_id: "second",
  at_ms: 130_000,
  ...change,
});

describe("a job is done once for a date", () => {
  test("another run is refused while one may be at it, and begins when that one's time is over", () => {
    expect(refusalOf(null, START)).toBeNull();
    expect(refusalOf(running, other())).toBe("running");
    expect(refusalOf(running, other({ at_ms: 160_000 }))).toBeNull();
  });

  test("the run itself may begin again: it was killed, and goes on", () => {
    expect(refusalOf(running, { ...START, at_ms: 130_000 })).toBeNull();
  });

  test("a date that was run for is not run for again, whatever came of it; the next one is", () => {
    const failed = afterHeartbeat("backup", running, { ...START, result: "fail", at_ms: 120_000 });
    for (const before of [done, failed]) expect(refusalOf(before, other())).toBe("done");
    expect(refusalOf(done, other({ due_ms: 125_000 }))).toBeNull();
    expect(refusalOf(done, other({ due_ms: null }))).toBeNull();
  });

  test("a run for a date to come, by a clock that was ahead, takes no date before that one", () => {
    const ahead = afterHeartbeat("backup", null, { ...START, result: "success", due_ms: 9_000_000 });
    expect(refusalOf(ahead, other({ due_ms: 110_000 }))).toBeNull();
    expect(refusalOf(ahead, other({ due_ms: 95_000 }))).toBe("done");
    expect(refusalOf(ahead, other({ due_ms: 9_000_000 }))).toBe("done");
  });

  test("a run that was taken over cannot report its end", () => {
    const taken_over = afterHeartbeat("backup", running, other({ at_ms: 160_000 }));
    expect(refusalOf(taken_over, { ...START, result: "success", at_ms: 170_000 })).toBe("running");
  });

  test("what comes in late changes nothing, and whoever names no run is not refused", () => {
    expect(refusalOf(done, other({ result: "success", at_ms: 110_000 }))).toBe("older");
    expect(refusalOf(done, { ...START, at_ms: 110_000 })).toBe("older");
    expect(refusalOf(running, other({ run_id: null }))).toBeNull();
  });

  test("whose clock is behind is refused like anybody else: two that begin at once do not both have the job", () => {
    expect(refusalOf(running, other({ at_ms: 99_999 }))).toBe("running");
    expect(refusalOf(done, other({ at_ms: 99_999 }))).toBe("done");
  });

  test("of any runners that begin at any times, one has the job at any time", () => {
    const begins = fc.array(
      fc.record({ run: fc.integer({ min: 0, max: 5 }), at_s: fc.integer({ min: 100, max: 400 }), ends: fc.boolean() }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(begins, (beats) => {
        let job: Job | null = null;
        const leases: { run: string; from_ms: number; to_ms: number }[] = [];
        for (const { run, at_s, ends } of beats.sort((a, b) => a.at_s - b.at_s)) {
          const beat = other({
            run_id: `run-${run}`,
            at_ms: at_s * 1_000,
            due_ms: null,
            result: ends ? "success" : "start",
          });
          if (refusalOf(job, beat) !== null) continue;
          const held = leases.at(-1);
          if (held !== undefined && held.run !== beat.run_id) expect(beat.at_ms).toBeGreaterThanOrEqual(held.to_ms);
          job = afterHeartbeat("backup", job, beat);
          leases.push({ run: `run-${run}`, from_ms: beat.at_ms, to_ms: ends ? beat.at_ms : beat.at_ms + 60_000 });
        }
      }),
    );
  });
});
