import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "./config-schema.ts";
import { SECRETS } from "./inventory.ts";
import { DAY_MS } from "./limits.ts";

const NOW_MS = Date.parse("2026-11-22T12:00:00Z");
const PREVIOUS = "00000000-0000-4000-8000-000000000001";
const SECRET = "0123456789-0123456789-0123456789";
const COMPLETE: Record<string, string> = {
  accountId: "0123456789abcdef0123456789abcdef",
  plan: "free",
  tokensExpire: "2027-03-01",
  ...Object.fromEntries(SECRETS.map((key) => [key, SECRET])),
};

/** Problems of a complete configuration with some keys changed; undefined removes a key. */
function problems(changes: Record<string, unknown>, encrypted: ReadonlySet<string> | null = null): string[] {
  const keys = Object.entries({ ...COMPLETE, ...changes }).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, typeof value === "object" ? JSON.stringify(value) : String(value)]],
  );
  const result = parseConfig("production", Object.fromEntries(keys), encrypted, NOW_MS);
  return result.ok ? [] : result.problems;
}
const dated = (days: number) => new Date(NOW_MS + days * DAY_MS).toISOString().slice(0, 10);
const waiverUntil = (days: number) => ({
  waivers: [{ resource: "prism-db-g1", reason: "the undo window is over", expires: dated(days) }],
});

describe("every error names the key and the command that repairs it", () => {
  const wrong: [key: string, changes: Record<string, unknown>, message: string, command: string][] = [
    ["accountId", { accountId: undefined }, "missing", "pulumi config set prism:accountId VALUE --stack production"],
    ["accountId", { accountId: "me" }, "32 hex digits", "pulumi config set prism:accountId"],
    ["plan", { plan: "enterprise" }, "free", "pulumi config set prism:plan"],
    ["plam", { plam: "paid" }, "no such key", "pulumi config rm prism:plam"],
    ["zone.id", { zone: { id: "x", hostname: "a.example.com" } }, "32 hex digits", "config set --path 'prism:zone.id'"],
    ["zone.name", { zone: { id: "f".repeat(32), hostname: "a.b", name: "b" } }, "no such key", "config rm --path"],
    ["zone", { zone: "example.com" }, "not a structure", "pulumi config set --path 'prism:zone.…'"],
    ["cpuMs", { cpuMs: "50" }, "the free plan refuses a CPU limit", "pulumi config set prism:cpuMs"],
    ["cpuMs", { plan: "paid", cpuMs: "1" }, "", "pulumi config set prism:cpuMs"],
    [
      "telemetryDestinations",
      { telemetryDestinations: { traces: ["grafana"] } },
      "the free plan exports nothing",
      "pulumi config set prism:telemetryDestinations",
    ],
    [
      "telemetryDestinations.logs[0]",
      { plan: "paid", telemetryDestinations: { logs: ["https://otlp.example.com/v1/logs"] } },
      "not its address",
      "pulumi config set --path 'prism:telemetryDestinations.logs[0]'",
    ],
    ["tokensExpire", { tokensExpire: "2026-11-01" }, "dead already", "pulumi config set prism:tokensExpire"],
    ["variables.LOG", { variables: { LOG: "x" } }, "", "'prism:variables"],
    ["database.live", { database: { live: 2, generations: [1] } }, "not among generations", "'prism:database.live'"],
    ["vectors.live", { vectors: { live: 2, generations: [{ generation: 1, dimensions: 384 }] } }, "not among", "set"],
    ["rollout.previous", { rollout: { percentage: 10 } }, "the rest of the traffic", "'prism:rollout.previous'"],
    [
      "rollout.percentage",
      { rollout: { percentage: 0.001, previous: PREVIOUS } },
      "from 0.01 to 99.99",
      "prism:rollout",
    ],
    [
      "rollout.percentage",
      { rollout: { percentage: 99.995, previous: PREVIOUS } },
      "from 0.01 to 99.99",
      "prism:rollout",
    ],
    ["waivers[0]", waiverUntil(-1), "expired on", "pulumi config rm --path 'prism:waivers[0]'"],
    ["waivers[0]", waiverUntil(45), "30 days are the most", "pulumi config rm --path 'prism:waivers[0]'"],
    ["JWT_SECRET", { JWT_SECRET: undefined }, "missing", "pulumi config set --secret prism:JWT_SECRET"],
    ["JWT_SECRET", { JWT_SECRET: "short" }, "has 5 characters", "openssl rand -base64 32 |"],
  ];
  test("of several waivers the last is removed first: the commands hold as they are printed", () => {
    const [last, first] = problems({ waivers: [...waiverUntil(-1).waivers, ...waiverUntil(45).waivers] });
    expect([last, first]).toEqual([expect.stringContaining("waivers[1]"), expect.stringContaining("waivers[0]")]);
  });
  test.each(wrong.map(([key, changes, message, command]) => ({ key, changes, message, command })))(
    "$key: $message",
    ({ key, changes, message, command }) => {
      const found = problems(changes);
      expect(found.length).toBe(1);
      expect(found[0]?.startsWith(`prism:${key.split(".L")[0]}`)).toBe(true);
      expect(found[0]).toContain(message);
      expect(found[0]).toContain(command);
    },
  );

  test("all errors are told at once", () => {
    expect(problems({ accountId: undefined, plan: undefined, JWT_SECRET: undefined })).toHaveLength(3);
  });

  test("an unknown stack is refused with the ones there are", () => {
    const result = parseConfig("prod", COMPLETE, null, NOW_MS);
    expect(result).toMatchObject({ ok: false, problems: [expect.stringContaining("local|staging|production")] });
  });
});

describe("secrets", () => {
  test("one that stands in plain text in the stack's file is refused", () => {
    const encrypted = new Set<string>(SECRETS.filter((key) => key !== "API_SECRET"));
    expect(problems({}, encrypted)).toEqual([expect.stringMatching(/^prism:API_SECRET: stands in plain text/)]);
    expect(problems({}, new Set<string>(SECRETS))).toEqual([]);
  });

  test("the other half of a rotation and the webhook may be absent", () => {
    expect(
      problems({ API_SECRET_PREVIOUS: undefined, JWT_SECRET_PREVIOUS: undefined, ERROR_WEBHOOK: undefined }),
    ).toEqual([]);
  });

  test("no error repeats the value of a secret, whatever it is", () => {
    fc.assert(
      fc.property(fc.constantFrom(...SECRETS), fc.stringMatching(/^[!-~]{8,31}$/), (key, value) => {
        for (const problem of problems({ [key]: value, plan: "x" })) expect(problem).not.toContain(value);
      }),
    );
  });
});

test("a minimal configuration is complete: one generation of each store, all traffic to the newest version", () => {
  expect(parseConfig("production", COMPLETE, null, NOW_MS)).toMatchObject({
    ok: true,
    stack: "production",
    config: {
      database: { live: 1, generations: [1] },
      vectors: { live: 1, generations: [{ generation: 1, dimensions: 384 }] },
      rollout: { percentage: 100 },
      waivers: [],
    },
    warnings: [],
  });
});

test("tokens that soon expire are warned about", () => {
  const result = parseConfig("production", { ...COMPLETE, tokensExpire: dated(7) }, null, NOW_MS);
  expect(result).toMatchObject({
    ok: true,
    warnings: [expect.stringContaining("pulumi config set prism:tokensExpire")],
  });
});

test("a waiver counts through its last day", () => {
  expect(problems(waiverUntil(0))).toEqual([]);
  expect(problems(waiverUntil(30))).toEqual([]);
});
