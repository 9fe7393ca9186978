import { expect, test } from "vitest";
import { BURST_REQUESTS_MIN, FAILING_KEY_ERRORS } from "../limits.ts";
import { anomalies } from "./security-metrics.ts";

const key = (key_id: string, requests: number, errors = 0) => ({ key_id, requests, errors });

test("a key is told that asks ten times what it did in a mean hour, and not one that is always busy, new or slow", () => {
  const before = [key("steady", 23 * 500), key("burst", 23 * 10), key("slow", 23)];
  const now = [key("steady", 600), key("burst", 101), key("slow", BURST_REQUESTS_MIN - 1), key("new", 1_000)];
  expect(anomalies(now, before)).toEqual([
    { key_id: "burst", sign: "burst", requests_last_hour: 101, mean_requests_an_hour: 10, errors_last_hour: 0 },
  ]);
});

test("a key is told whose requests the service fails", () => {
  const [failing, lucky] = [key("failing", 9, FAILING_KEY_ERRORS + 1), key("lucky", 9, FAILING_KEY_ERRORS)];
  expect(anomalies([failing, lucky], []).map(({ key_id, sign }) => [key_id, sign])).toEqual([["failing", "failing"]]);
});
