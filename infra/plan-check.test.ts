import { describe, expect, test } from "vitest";
import { runProgram } from "./program.fixture.ts";
import type { DeclaredResource } from "./program-monitor.ts";

describe("the configured plan is compared with the account's", () => {
  test("a paid configuration on a free account is refused before anything is declared", async () => {
    const declared: DeclaredResource[] = [];
    const program = runProgram({ config: { plan: "paid" }, subscriptions: ["free", "r2_paid"], declared });
    await expect(program).rejects.toThrow(
      /no Workers Paid subscription.*pulumi config set prism:plan free --stack production/,
    );
    expect(declared).toEqual([]);
  });

  test.each(["workers_paid", "enterprise"])("%s counts as paid", async (id) => {
    expect((await runProgram({ config: { plan: "paid" }, subscriptions: [id] })).outputs.plan).toBe("paid");
  });

  test("a free configuration on a paid account is warned about", async () => {
    const { warnings } = await runProgram({ subscriptions: ["workers_paid"], stack: "staging" });
    expect(warnings.join()).toContain("pulumi config set prism:plan paid --stack staging");
  });

  test("the local platform is not asked", async () => {
    expect((await runProgram({ stack: "local", failing: { "/subscriptions": 403 } })).warnings).toEqual([]);
  });
});

describe("a preview", () => {
  const cases: [path: string, status: number, message: RegExp][] = [
    ["/available_alerts", 403, /which alerts.*«Notifications Read».*ops -- bootstrap/],
    ["/subscriptions", 403, /which plan.*«Billing Read».*ops -- bootstrap/],
    ["/subscriptions", 401, /does not know the API token.*CLOUDFLARE_API_TOKEN/],
    ["/available_alerts", 429, /budget is used up.*Repeat in five minutes/],
    ["/available_alerts", 500, /failed \(500\).*cloudflarestatus.*nothing was changed/],
  ];
  test.each(cases)(
    "stops before anything is declared, with one message and its remedy, when %s answers %i",
    async (path, status, message) => {
      const declared: DeclaredResource[] = [];
      await expect(runProgram({ failing: { [path]: status }, declared })).rejects.toThrow(message);
      expect(declared).toEqual([]);
    },
  );
});
