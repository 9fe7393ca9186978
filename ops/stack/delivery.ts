/** What a delivery works with, opened once: the stack's driver, Cloudflare's API, the Worker's versions, its database. */
import { nameInStack, SERVICE } from "../../infra/inventory.ts";
import { liveOf } from "../../infra/outputs.ts";
import { createCloudflare, retryTold } from "../cloudflare/api.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { type WorkerVersions, workerVersions } from "../cloudflare/worker-versions.ts";
import type { Invocation } from "../command/invocation.ts";
import type { D1Connection } from "../d1/connection.ts";
import { restD1 } from "../d1/rest-connection.ts";
import type { StackDriver } from "./driver.ts";
import { openDriver } from "./open-driver.ts";
import type { StackTarget } from "./target.ts";

interface StackAccess {
  target: StackTarget;
  account_id: string;
  client: Cloudflare;
  versions: WorkerVersions;
}

export interface Delivery extends StackAccess {
  driver: StackDriver;
}

/** Finds one that was never deployed, too: it has no deployments yet. @throws OpsError naming what the environment lacks. */
export async function openStack(invocation: Invocation): Promise<StackAccess> {
  const target = await invocation.target();
  const api = await target.api();
  const client = createCloudflare(api, {
    signal: invocation.signal,
    on_retry: (retry) => invocation.note(retryTold(retry)),
  });
  const { account_id } = api;
  const script = nameInStack(SERVICE, target.stack);
  return { target, account_id, client, versions: workerVersions(client, account_id, script) };
}

/** @throws OpsError as `openStack`. */
export async function openDelivery(invocation: Invocation): Promise<Delivery> {
  return { driver: await openDriver(invocation), ...(await openStack(invocation)) };
}

/** The database that the live generation is. */
export async function liveDatabase({ target, client, account_id }: StackAccess): Promise<D1Connection> {
  const { database } = await target.resources();
  return restD1(client, account_id, liveOf(database)?.id ?? "");
}
