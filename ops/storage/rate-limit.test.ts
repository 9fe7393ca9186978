import fc from "fast-check";
import { expect, test } from "vitest";
import { turnOf } from "./rate-limit.ts";

const asked = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 16_000_000 }), pause_ms: fc.nat(5_000) }), {
  minLength: 1,
  maxLength: 40,
});

test("between any two moments no more bytes pass than the rate allows, but for the object that is under way", () => {
  fc.assert(
    fc.property(asked, fc.integer({ min: 1_000, max: 50_000_000 }), (objects, bytes_per_s) => {
      let now_ms = 0;
      let free_at_ms = Number.NEGATIVE_INFINITY;
      const turns = objects.map(({ bytes, pause_ms }) => {
        now_ms += pause_ms;
        const turn = turnOf(bytes, bytes_per_s, free_at_ms, now_ms);
        expect(turn.begins_at_ms).toBeGreaterThanOrEqual(now_ms);
        free_at_ms = turn.ends_at_ms;
        return { ...turn, bytes };
      });
      for (const [from, { begins_at_ms }] of turns.entries()) {
        let sent = 0;
        for (const { ends_at_ms, bytes } of turns.slice(from)) {
          sent += bytes;
          const allowed = (bytes_per_s * (ends_at_ms - begins_at_ms)) / 1000;
          expect(sent).toBeLessThanOrEqual(allowed * (1 + 1e-9) + 1e-3);
        }
      }
    }),
  );
});

test("nobody waits while the line is free, and the line is never idle while somebody waits", () => {
  fc.assert(
    fc.property(asked, fc.integer({ min: 1_000, max: 50_000_000 }), (objects, bytes_per_s) => {
      let now_ms = 0;
      let free_at_ms = Number.NEGATIVE_INFINITY;
      for (const { bytes, pause_ms } of objects) {
        now_ms += pause_ms;
        const turn = turnOf(bytes, bytes_per_s, free_at_ms, now_ms);
        expect([now_ms, free_at_ms]).toContain(turn.begins_at_ms);
        expect(turn.begins_at_ms).toBeGreaterThanOrEqual(now_ms);
        free_at_ms = turn.ends_at_ms;
      }
    }),
  );
});
