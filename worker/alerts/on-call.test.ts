import fc from "fast-check";
import { expect, test } from "vitest";
import { alertConfiguration } from "./configuration.ts";
import { onCallAt, shiftsOf } from "./on-call.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.parse("2026-01-05T09:00:00Z");
const iso = (hours: number) => new Date(START_MS + hours * HOUR_MS).toISOString();

const rotation = fc.record({
  start: fc.constant(iso(0)),
  shift_h: fc.integer({ min: 1, max: 200 }),
  people: fc.array(fc.constantFrom("ann", "bob", "cho"), { minLength: 1, maxLength: 4 }),
  overrides: fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 300 }), fc.constantFrom("ann", "dee"))
      .map(([from, length, person]) => ({ from: iso(from), to: iso(from + length), person })),
    { maxLength: 4 },
  ),
});

test("at every moment since the rota began exactly one person is on call, the one whom the shifts name", () => {
  fc.assert(
    fc.property(rotation, fc.integer({ min: 0, max: 600 }), (rota, hours) => {
      const at_ms = START_MS + hours * HOUR_MS;
      const shifts = shiftsOf(rota, START_MS, START_MS + 700 * HOUR_MS);
      const covering = shifts.filter(({ from_ms, to_ms }) => from_ms <= at_ms && at_ms < to_ms);
      expect(covering.map(({ person }) => person)).toEqual([onCallAt(rota, at_ms)]);
      for (const [index, shift] of shifts.slice(1).entries()) expect(shift.from_ms).toBe(shifts[index]?.to_ms);
    }),
  );
});

test("shifts go round in turn, nobody is on call before the first, and the last override counts", () => {
  const overrides = [
    { from: iso(10), to: iso(20), person: "dee" },
    { from: iso(15), to: iso(16), person: "cho" },
  ];
  const rota = { start: iso(0), shift_h: 24, people: ["ann", "bob"], overrides };
  const at = (hours: number) => onCallAt(rota, START_MS + hours * HOUR_MS);
  expect([-1, 0, 9, 10, 15, 16, 20, 24, 48].map(at)).toEqual([
    null,
    "ann",
    "ann",
    "dee",
    "cho",
    "dee",
    "ann",
    "bob",
    "ann",
  ]);
});

test("a configuration is refused that names what it lacks, pages for deployments, or sends alerts in clear text", () => {
  const valid = {
    service_url: "https://prism.example",
    channels: {
      slack: { type: "slack", url_secret: "slack" },
      pager: { type: "pagerduty", routing_key_secret: "pager" },
    },
    routes: { page: ["pager"], mail: ["slack"], quiet: ["slack"] },
    escalation: [{ after_min: 15, channels: ["slack"] }],
    people: { ann: { name: "Ann", email: "ann@example.com" } },
    rotations: { primary: { start: iso(0), shift_h: 24, people: ["ann"] } },
  };
  const flaws = (change: object) =>
    (alertConfiguration.safeParse({ ...valid, ...change }).error?.issues ?? []).map(
      ({ path, message }) => `${path.join(".")}: ${message}`,
    );
  expect(flaws({})).toEqual([]);
  expect(flaws({ routes: { ...valid.routes, page: ["nobody"] } })).toEqual(["routes.page: there is no channel nobody"]);
  expect(flaws({ routes: { ...valid.routes, mail: ["constructor"] } })).toEqual([
    "routes.mail: there is no channel constructor",
  ]);
  const secret = { type: "webhook", url: "https://user:hush@hooks.example/prism" };
  expect(flaws({ channels: { ...valid.channels, hook: secret } })).toEqual([
    "channels.hook.url: without credentials: they are secrets, and go into ALERT_CHANNEL_SECRETS",
  ]);
  expect(flaws({ routes: { ...valid.routes, quiet: ["pager"] } })).toEqual([
    "routes.quiet: pager would page somebody for a deployment",
  ]);
  expect(
    flaws({
      escalation: [
        { after_min: 15, channels: ["slack"] },
        { after_min: 15, rotation: "night" },
      ],
    }),
  ).toEqual([
    "escalation.1.rotation: there is no rotation night",
    "escalation.1.after_min: must be later than the step before",
  ]);
  expect(flaws({ escalation: [{ after_min: 5 }] })).toEqual(["escalation.0: names nobody"]);
  expect(flaws({ rotations: { primary: { ...valid.rotations.primary, people: ["zoe"] } } })).toEqual([
    "rotations.primary.people: there is no person zoe",
  ]);
  const hook = { type: "webhook", url: "http://example.com/hook" };
  expect(flaws({ channels: { ...valid.channels, hook } })).toEqual([
    "channels.hook.url: https, unless it is this machine",
  ]);
  expect(flaws({ service_url: "https://prism.example/" })).toEqual(["service_url: without a slash at its end"]);
});
