/** For tests: a line and a service that fail at random, the same way for the same seed. */
import type { Fault, Passing } from "../../storage/wire.fixture.ts";

/** mulberry32: small, seeded, good enough to choose faults with. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Weather {
  judge(passing: Passing): Fault | null;
  /** How often each fault came. */
  readonly faults: ReadonlyMap<string, number>;
}

const answer = (status: number, headers?: Record<string, string>): Fault => ({
  kind: "answer",
  status,
  body: status === 412 ? "<Error><Code>PreconditionFailed</Code></Error>" : "",
  ...(headers && { headers }),
});

const FAULTS: readonly Fault[] = [
  answer(429, { "retry-after": "0" }),
  answer(429),
  answer(500),
  answer(503, { "retry-after": "0" }),
  answer(504),
  { kind: "reset" },
  { kind: "half" },
  { kind: "lose_answer" },
  { kind: "short_answer" },
];

/** `share` of all requests fail. `also`: faults besides, as likely as each of the others. */
export function badWeather(seed: number, share: number, also: readonly Fault[] = []): Weather {
  const random = randomOf(seed);
  const faults = new Map<string, number>();
  const all = [...FAULTS, ...also];
  return {
    faults,
    judge: ({ method }) => {
      if (random() >= share) return null;
      const drawn = all[Math.floor(random() * all.length)] ?? null;
      // Nothing but a write has a condition.
      const fault = drawn === PRECONDITION_FAILED && method !== "PUT" ? FAULTS[0] : drawn;
      const name = fault?.kind === "answer" ? String(fault.status) : (fault?.kind ?? "");
      faults.set(name, (faults.get(name) ?? 0) + 1);
      return fault ?? null;
    },
  };
}

/** A false "it changed" for a conditional write; a service that never answers. */
export const PRECONDITION_FAILED = answer(412);
export const HANG: Fault = { kind: "hang" };
