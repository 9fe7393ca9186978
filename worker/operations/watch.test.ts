/** The watchdog as it is deployed in production: the same bundle, a second script, fewer bindings, a cron of its own. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { COMPATIBILITY, CRONS, SERVICE, WATCHDOG } from "../../infra/inventory.ts";
import { uploadOf } from "../../local/rest/module.fixture.ts";
import { liveVersion } from "../../local/workerd.ts";
import { type Channels, putConfiguration, putSecret, startChannels } from "../alerts/channels.fixture.ts";
import { type Service, startService } from "../service.fixture.ts";

const MINUTE_MS = 60_000;
/** The watchdog's cron is two minutes after the Worker's. */
const AFTER_MIN = 2;

const logs: string[] = [];
let service: Service;
let channels: Channels;
beforeAll(async () => {
  channels = await startChannels();
  const on_log = (line: string) => void logs.push(line);
  service = await startService({ faults: true, variables: { LOG_LEVEL: "INFO" }, on_log });
  // The watchdog is given what the Worker has of it.
  await putSecret(service.platform, "ALERT_CHANNEL_SECRETS", channels.secrets);
  const worker = liveVersion(service.platform.runtime.registry, SERVICE);
  const names: readonly string[] = WATCHDOG.bindings;
  await deploy(WATCHDOG.name, {
    source: worker?.modules[worker.main_module]?.content ?? "",
    flags: ["global_fetch_strictly_public"],
    bindings: (worker?.bindings ?? []).filter(({ name }) => names.includes(name)),
  });
  await putConfiguration(service.platform, channels.configuration(service.platform.url));
});
afterAll(async () => {
  await service.close();
  await channels.close();
});
beforeEach(() => {
  channels.received.length = 0;
});

function faults() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}

async function deploy(
  script: string,
  { source, flags, bindings }: { source: string; flags: string[]; bindings: unknown[] },
): Promise<void> {
  if (script !== SERVICE) await service.account("POST", "workers/workers", { name: script });
  const { id } = await service.account("POST", `workers/workers/${script}/versions`, {
    ...uploadOf(source),
    compatibility_date: COMPATIBILITY.date,
    compatibility_flags: [...COMPATIBILITY.flags, ...flags],
    bindings,
  });
  await serve(script, id);
}

async function serve(script: string, version_id: string): Promise<void> {
  const versions = [{ version_id, percentage: 100 }];
  await service.account("POST", `workers/scripts/${script}/deployments`, { strategy: "percentage", versions });
}

/** Five minutes of platform time: the Worker's cron, if it runs, and the watchdog's after it. */
async function fiveMinutes({ worker_cron = true } = {}): Promise<void> {
  const { runtime } = service.platform;
  faults().clock_offset_ms += (5 - AFTER_MIN) * MINUTE_MS;
  if (worker_cron) await runtime.triggerSchedule(SERVICE, CRONS.worker.checks).catch(() => {});
  faults().clock_offset_ms += AFTER_MIN * MINUTE_MS;
  await runtime.triggerSchedule(WATCHDOG.name, WATCHDOG.cron);
}
/** What PagerDuty was told, as `action alert`. */
const pages = () =>
  channels.received
    .filter(({ channel }) => channel === "pager")
    .map(({ body }) => `${body.event_action} ${body.dedup_key.split("/").at(-1)}`);

test("a first release whose cron evaluates nothing is told as one that stopped, by the time since the stack was born", async () => {
  await fiveMinutes({ worker_cron: false });
  expect(pages()).toEqual([]);
  for (let run = 0; run < 2; run++) await fiveMinutes({ worker_cron: false });
  expect(pages()).toEqual(["trigger cron-stopped"]);
  await fiveMinutes();
  expect(pages()).toEqual(["trigger cron-stopped", "resolve cron-stopped"]);
  // What has resolved lately must be gone for longer.
  faults().clock_offset_ms += 24 * 60 * MINUTE_MS;
  await fiveMinutes();
});

test("all is well: nobody is told anything, and what the watchdog asks is of its own trace", async () => {
  await fiveMinutes();
  const traces = (endpoint: string) =>
    logs
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
      .flatMap((line) => (line.endpoint === endpoint ? [line.trace_id] : []));
  await expect.poll(() => traces("cron/watch").at(-1)).toBe(traces("/health").at(-1));
  await fiveMinutes();
  expect(pages()).toEqual([]);
});

test("a Worker that answers nothing but errors is told within 5 minutes, once, and its end as well", async () => {
  const alive = liveVersion(service.platform.runtime.registry, SERVICE);
  const source = 'export default { fetch() { throw new Error("dead"); }, scheduled() { throw new Error("dead"); } };';
  await deploy(SERVICE, { source, flags: [], bindings: [] });
  await fiveMinutes();
  expect(pages()).toEqual(["trigger worker-dead"]);
  await fiveMinutes();
  expect(pages()).toEqual(["trigger worker-dead"]);
  await serve(SERVICE, alive?.id ?? "");
  await fiveMinutes();
  expect(pages()).toEqual(["trigger worker-dead", "resolve worker-dead"]);
  const { json } = await service.call("GET", "/api/v1/alerts");
  expect(json.alerts).toContainEqual(expect.objectContaining({ id: "worker-dead", state: "resolved" }));
  const told = json.deliveries.filter(({ alert }: { alert: string }) => alert === "worker-dead");
  expect([...new Set(told.map(({ kind }: { kind: string }) => kind))]).toEqual(["resolved", "firing"]);
});

test("a cron that stopped is told within 5 minutes of the run that was missed", async () => {
  await fiveMinutes({ worker_cron: false });
  expect(pages()).toEqual(["trigger cron-stopped"]);
  await fiveMinutes();
  expect(pages()).toEqual(["trigger cron-stopped", "resolve cron-stopped"]);
});

test("an alert state that the Worker cannot read is told within 5 minutes", async () => {
  faults().rules = [{ binding: "ALERTS", script: SERVICE, error: "broken" }];
  await fiveMinutes();
  expect(pages()).toEqual(["trigger alert-state-broken"]);
  faults().rules = [];
  await fiveMinutes();
  expect(pages()).toEqual(["trigger alert-state-broken", "resolve alert-state-broken"]);
});

test("without KV the watchdog uses the configuration that it has seen, and without its own state it tells all the same", async () => {
  faults().rules = [
    { binding: "CONFIG", script: WATCHDOG.name, error: "down" },
    { binding: "ALERTS", script: SERVICE, error: "broken" },
  ];
  await fiveMinutes();
  expect(pages()).toEqual(["trigger alert-state-broken"]);
  faults().rules = [{ binding: "ALERTS", error: "broken everywhere" }];
  await fiveMinutes();
  expect(pages()).toEqual(["trigger alert-state-broken", "trigger alert-state-broken"]);
  faults().rules = [];
  // It has resolved lately, so it must be gone for longer this time.
  for (let run = 0; run < 3; run++) await fiveMinutes();
  expect(pages().at(-1)).toBe("resolve alert-state-broken");
});

test("with a configuration that cannot be read it goes by the one before", async () => {
  await putConfiguration(service.platform, "{");
  await fiveMinutes({ worker_cron: false });
  expect(pages()).toEqual(["trigger cron-stopped"]);
  expect(channels.refused).toEqual([]);
});
