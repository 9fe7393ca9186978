/** Faults of the Worker itself: its releases, its cron, its watchdog, its alert state. */
import { SERVICE, WATCHDOG } from "../../../infra/inventory.ts";
import { ALERT_STEP_MISSED_MIN } from "../../../worker/limits.ts";
import type { Arena } from "../arena.ts";
import { ERROR_ALERTS, type Fault } from "../fault.ts";
import { fails, freshSearches, heartbeat, notification, removeCrons, works } from "../means.ts";
import { deployRelease } from "../scripts.ts";
import { outageIsTold } from "../story.ts";

const SEARCH = 'new URL(request.url).pathname === "/api/v1/search"';

/** A release in which one search of so many fails. */
async function failingRelease({ account: to, served }: Arena, one_of: number): Promise<void> {
  const statements = `globalThis.__searches = (globalThis.__searches ?? 0) + (${SEARCH} ? 1 : 0);
    if (${SEARCH} && globalThis.__searches % ${one_of} === 0) env = { ...env, DB: undefined, CACHE: undefined };`;
  await deployRelease(to, served(), statements);
}

/** When the release that throws was deployed: Cloudflare's list of deployments says so. */
const deployedAt = new WeakMap<Arena, string>();

export const WORKER_FAULTS: readonly Fault[] = [
  {
    id: "worker-throwing",
    what: "a release throws at every request, in cron and at every message: nothing of the Worker works",
    alert: "worker-dead",
    also: ["change-deploy", "cron-stopped", "change-incident", ...ERROR_ALERTS],
    runbook: "complete-outage",
    afterwards: outageIsTold,
    inject: async (arena) => {
      deployedAt.set(arena, new Date(arena.clock.now()).toISOString());
      const statements = 'throw new Error("game day: a release that throws");';
      await deployRelease(arena.account, arena.served(), statements, "throws");
    },
    variables: async (arena) => ({ SINCE: deployedAt.get(arena) ?? "" }),
  },
  {
    id: "bad-deployment",
    what: "a release fails one search in two",
    alert: "change-deploy",
    also: ERROR_ALERTS,
    runbook: "bad-deployment",
    inject: (arena) => failingRelease(arena, 2),
  },
  {
    id: "errors-after-deployment",
    what: "a release fails one search in four, and callers are the first to notice",
    alert: "error-rate",
    // Nobody asked before what all of these ask.
    also: ["change-deploy", "cache-hits", ...ERROR_ALERTS],
    runbook: "high-error-rate",
    inject: (arena) => failingRelease(arena, 4),
    // So many that they are a share of the hour and of the day as well: the objectives' rules name this runbook, too.
    workload: (arena) => freshSearches(arena, 20),
  },
  {
    id: "cron-gone",
    what: "a deployment lost the Worker's cron triggers",
    alert: "cron-stopped",
    also: ["change-deploy"],
    builds_up_min: ALERT_STEP_MISSED_MIN,
    runbook: "cron-stopped",
    inject: removeCrons,
  },
  {
    id: "watchdog-dead",
    what: "the watchdog's trigger is gone: nobody would notice that the Worker is dead",
    alert: "watchdog-silent",
    also: ["change-deploy"],
    runbook: "watchdog-silent",
    inject: async ({ account: { client, account_id } }) =>
      void (await client.workers.scripts.schedules.update(WATCHDOG.name, { account_id, body: [] })),
  },
  {
    id: "alert-state-unreachable",
    what: "the Durable Object of the alerts fails",
    alert: "alert-state-broken",
    runbook: "alert-state-broken",
    inject: fails({ binding: "ALERTS", script: SERVICE, error: "game day: Durable Object reset" }),
    passes: works,
  },
  {
    id: "cpu-exceeded",
    what: "Cloudflare ends invocations for their CPU time",
    alert: "cpu-exceeded",
    runbook: "slow-responses",
    inject: (arena) => heartbeat(arena, "usage", "success", { measures: { cpu_exceeded: 7 } }),
    passes: (arena) => heartbeat(arena, "usage", "success", { measures: { cpu_exceeded: 0 } }),
  },
  {
    id: "logpush-disabled",
    what: "Cloudflare disabled the Logpush job, and says so",
    alert: "change-cloudflare",
    runbook: "announced-change",
    inject: (arena) => notification(arena, "failing_logpush_job_disabled_alert", "Your Logpush job was disabled"),
  },
  {
    id: "scaled",
    what: "somebody changed the capacity",
    alert: "change-scale",
    runbook: "announced-change",
    inject: (arena) => heartbeat(arena, "scale", "success"),
  },
  {
    id: "incident-opened",
    what: "somebody opened an incident",
    alert: "change-incident",
    runbook: "announced-change",
    inject: (arena) => heartbeat(arena, "incident", "success"),
  },
];
