import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { requestsLeft } from "../delivery/told-up.ts";

let dir: string;
let service: Service;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-estimate-"));
  service = await startService({ data_dir: dir, api_budget: true });
});
afterAll(async () => {
  await service.close();
  await rm(dir, { recursive: true });
});

/** As Cloudflare counts them. */
async function leftOfBudget(): Promise<number> {
  const { api_url, account_id, api_token } = JSON.parse(await readFile(join(dir, "platform.json"), "utf8"));
  const headers = { authorization: `Bearer ${api_token}` };
  const answer = await fetch(`${api_url}/accounts/${account_id}/queues`, { headers });
  return requestsLeft(answer.headers.get("ratelimit"))?.requests ?? Number.NaN;
}

async function ops(...words: string[]) {
  const { stdout } = await runCli([...words, "--repository", join(dir, "vault"), "--data", dir, "--json"]);
  return JSON.parse(stdout);
}

test("the requests of a restore's plan are those that it makes, its deployments included, to a quarter", {
  timeout: 240_000,
}, async () => {
  for (let id = 0; id < 40; id += 1)
    await service.call("PUT", `/api/v1/documents/d${id}`, { text: `# Spring ${id}\n\n${"Water flows. ".repeat(300)}` });
  await ops("backup", "create");
  const before = await leftOfBudget();
  const { plan, restored } = await ops("restore", "apply", "--yes");
  const made = before - (await leftOfBudget());
  expect(restored).toMatchObject({ database: { to: 2 } });
  expect(Math.abs(plan.requests - made)).toBeLessThan(made / 4);
});
