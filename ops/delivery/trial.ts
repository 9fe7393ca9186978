/** A new version on trial: it answers as itself, passes the journeys, then gets the traffic step by step, watched. */
import { setTimeout as pause } from "node:timers/promises";
import type { Invocation } from "../command/invocation.ts";
import { type JourneysWalked, walkJourneys } from "../health/synthetic.ts";
import { OVERRIDE_ERRORS_MAX, OVERRIDE_SETTLE_MAX_MS, PROBE_TIMEOUT_MS, SETTLE_POLL_MS } from "../limits.ts";
import type { Delivery } from "../stack/delivery.ts";
import { type Traffic, versionOverride } from "./traffic.ts";

/** Why a version does not get the traffic. */
export class Condemned extends Error {
  override readonly name = "Condemned";
}

/** Waits until an override reaches the version. @throws Condemned when it answers only with errors, or never. */
export async function answersAsItself(
  { target, versions }: Delivery,
  version_id: string,
  signal: AbortSignal,
): Promise<void> {
  const end_ms = performance.now() + OVERRIDE_SETTLE_MAX_MS;
  const headers = versionOverride(versions.script, version_id);
  const { url } = await target.service();
  let errors = 0;
  for (;;) {
    const said = await fetch(`${url}/health/live`, {
      headers,
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    }).then(
      (response) => ({ version: response.headers.get("x-worker-version"), status: response.status }),
      (error: Error) => ({ version: null, status: error.message }),
    );
    if (said.version === version_id) return;
    errors = typeof said.status === "number" && said.status >= 500 ? errors + 1 : 0;
    if (errors >= OVERRIDE_ERRORS_MAX || performance.now() >= end_ms)
      throw new Condemned(
        `asked for by itself, it does not answer (last: ${said.status}, version ${said.version ?? "unknown"})`,
      );
    await pause(SETTLE_POLL_MS, undefined, { signal });
  }
}

/** Walks the journeys against the version alone. @throws Condemned naming those that failed. */
export async function passesJourneys(
  { target, versions }: Delivery,
  version_id: string,
  invocation: Invocation,
): Promise<JourneysWalked> {
  const walked = await walkJourneys(await target.service(), invocation, versionOverride(versions.script, version_id));
  const failed = walked.steps.filter(({ state }) => state === "fail");
  if (failed.length > 0)
    throw new Condemned(`journeys failed: ${failed.map(({ name, detail }) => `${name} (${detail})`).join("; ")}`);
  return walked;
}

/** A version that somebody else has deployed meanwhile, beside or in place of these; null where nobody has. */
export async function deployedBetween({ versions }: Delivery, own: readonly string[]): Promise<string | null> {
  const [serving] = await versions.deployments();
  return serving?.versions.find(({ version_id }) => !own.includes(version_id))?.version_id ?? null;
}

/** Gives the version more and more of the traffic. @throws Condemned as soon as a step shows failures, or somebody else has deployed. */
export async function promote(
  delivery: Delivery,
  {
    version_id,
    previous,
    percent,
    watch_ms,
  }: { version_id: string; previous: string; percent: readonly number[]; watch_ms: number },
  traffic: Traffic,
  signal: AbortSignal,
): Promise<void> {
  const { versions } = delivery;
  for (const percentage of percent) {
    const between = await deployedBetween(delivery, [version_id, previous]);
    if (between !== null) throw new Condemned(`version ${between} was deployed meanwhile`);
    const phase = traffic.phase(`${percentage} %`);
    const rest = percentage === 100 ? [] : [{ version_id: previous, percentage: 100 - percentage }];
    await versions.deploy([{ version_id, percentage }, ...rest]);
    const verdict = await traffic.watch(phase, watch_ms, signal);
    if (verdict !== null) throw new Condemned(`at ${percentage} % of the traffic: ${verdict}`);
  }
}
