import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "../../local/rest/rest-server.fixture.ts";
import { line, logged, trace } from "../../local/telemetry/trace.fixture.ts";
import { countCpuExceeded } from "./cpu-exceeded.ts";

let rest: RestUnderTest;
beforeAll(async () => {
  rest = await startRest();
});
afterAll(() => rest?.close());

test("each invocation of the script that was ended for its CPU time counts once, whatever it had logged, and no other", async () => {
  const now_ms = rest.engine.now();
  const begun_ms = now_ms - 60_000;
  const ended = {
    outcome: "exceededCpu",
    exceptions: [{ name: "Error", message: "Worker exceeded CPU time limit.", timestamp: begun_ms }],
  };
  const invocations = [
    trace({ begun_ms, ...ended, logs: [logged("begun", "log", begun_ms), logged("half", "log", begun_ms)] }),
    trace({ begun_ms, ...ended }),
    trace({ begun_ms }),
    trace({ begun_ms, outcome: "exception" }),
    trace({ begun_ms, ...ended, script_name: "another" }),
    trace({ ...ended, begun_ms: now_ms - 2 * 86_400_000 }),
  ];
  for (const one of invocations) rest.logs.add([{ ...line(one), invocation_logs: true }], 0);
  const span = { account_id: rest.account_id, script: "prism", from_ms: now_ms - 86_400_000, to_ms: now_ms };
  expect(await countCpuExceeded(rest.client, span)).toBe(2);
});
