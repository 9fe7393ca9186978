import { expect, test } from "vitest";
import { fireCrons } from "./crons.ts";
import { Registry } from "./registry.ts";

test("a trigger that is none, as an older data folder may hold it, ends no other, and a run that fails neither", async () => {
  const registry = new Registry(":memory:");
  const made = { created_on: "2026-01-01T00:00:00Z", modified_on: "2026-01-01T00:00:00Z" };
  const crons = ["* * * * 0", "*/5 * * * *", "0 * * * *", "0 0 * * 1"];
  const schedules = crons.map((cron) => ({ cron, ...made }));
  registry.put("script", "prism", { id: "prism", ...made, schedules, subdomain_enabled: false, settings: {} });
  const fired: string[] = [];
  const failed: string[] = [];
  const triggerSchedule = async (_: string, cron: string) => {
    fired.push(cron);
    if (cron.startsWith("*/5")) throw new Error("the script's affair");
  };
  await fireCrons({ registry, triggerSchedule }, new Date("2026-11-29T00:00:00Z"), (cron) => failed.push(cron));
  registry.close();
  // 2026-11-29 is a Sunday, which is 1 to Cloudflare.
  expect(fired).toEqual(["*/5 * * * *", "0 * * * *", "0 0 * * 1"]);
  expect(failed).toEqual(["* * * * 0", "*/5 * * * *"]);
});
