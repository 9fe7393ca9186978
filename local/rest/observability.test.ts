/** Partial and complete updates of a Worker through the newer Workers API, which `pulumi up` sends. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

const logs = { enabled: true, destinations: ["loki"] };

let rest: RestUnderTest;
let at: { account_id: string };
let id: string;
beforeAll(async () => {
  rest = await startRest();
  at = { account_id: rest.account_id };
  ({ id } = await rest.client.workers.beta.workers.create({
    ...at,
    name: "observed",
    subdomain: { enabled: true },
    observability: { enabled: true, logs },
  }));
});
afterAll(() => rest.close());

test("a partial update leaves what it does not name as it was, inside of objects as well", async () => {
  const { workers } = rest.client.workers.beta;
  await workers.edit(id, {
    ...at,
    subdomain: { previews_enabled: true },
    observability: { traces: { head_sampling_rate: 0.1 } },
  } as never);
  expect(await workers.get(id, at)).toMatchObject({
    subdomain: { enabled: true, previews_enabled: true },
    observability: { enabled: true, logs, traces: { enabled: false, head_sampling_rate: 0.1 } },
  });
});

test("a complete update puts back what it does not name, and an answer leaves no setting out", async () => {
  const { workers } = rest.client.workers.beta;
  await workers.update(id, { ...at, name: "observed", observability: { enabled: true } });
  expect(await workers.get(id, at)).toMatchObject({
    subdomain: { enabled: false, previews_enabled: false },
    observability: {
      enabled: true,
      head_sampling_rate: 1,
      logs: { enabled: true, head_sampling_rate: 1, invocation_logs: true, persist: true, destinations: [] },
      traces: { enabled: false, head_sampling_rate: 1, persist: true, destinations: [] },
    },
  });
});
