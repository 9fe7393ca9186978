/**
 * What `up` and a refresh never look at again: the provider takes cron triggers and dead-letter queues from its own state, asks for the
 * deployment that it made and not for the one that serves, and a queue's settings are no input of the program. Read back from
 * Cloudflare here, and put right by the API: an `up` has no difference to act on.
 */
import { QUEUE_RETENTION_S } from "../../infra/cloudflare-limits.ts";
import { nameInStack, QUEUES, SERVICE, WATCHDOG } from "../../infra/inventory.ts";
import type { StackOutputs } from "../../infra/outputs.ts";
import { unlessGone } from "../cloudflare/failures.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { type Share, workerVersions } from "../cloudflare/worker-versions.ts";
import type { Delivery } from "../stack/delivery.ts";
import type { DriftedResource } from "../stack/driver.ts";

interface OutOfSight {
  /** Type and name of the resource in the program, and its property. */
  type: string;
  name: string;
  property: string;
  /** A sentence: what is there, and what was declared. */
  said: string;
  /** Makes it what was declared. */
  repair(): Promise<unknown>;
}

const CRONS = "cloudflare:index/workersCronTrigger:WorkersCronTrigger";
const DEPLOYMENT = "cloudflare:index/workersDeployment:WorkersDeployment";
const QUEUE = "cloudflare:index/queue:Queue";
const CONSUMER = "cloudflare:index/queueConsumer:QueueConsumer";

/** Everything of this kind that differs from what the last `up` declared. What is gone as a whole the provider sees itself. */
export async function outOfSight(
  { client, account_id }: Pick<Delivery, "client" | "account_id">,
  outputs: StackOutputs,
): Promise<OutOfSight[]> {
  const { worker, watchdog } = outputs;
  const found = await Promise.all([
    cronsOutOfSight(client, account_id, { script: worker.name, resource: SERVICE, crons: worker.crons }),
    watchdog &&
      cronsOutOfSight(client, account_id, { script: watchdog.name, resource: WATCHDOG.name, crons: watchdog.crons }),
    trafficOutOfSight(client, account_id, { script: worker.name, resource: SERVICE, declared: worker.deployment_id }),
    watchdog &&
      trafficOutOfSight(client, account_id, {
        ...{ script: watchdog.name, resource: WATCHDOG.name },
        declared: [{ version_id: watchdog.version_id, percentage: 100 }],
      }),
    ...Object.entries(QUEUES).map(([noun, queue]) =>
      queueOutOfSight(client, account_id, {
        queue_id: outputs.queues[noun as keyof typeof QUEUES].id,
        script: worker.name,
        resource: queue.name,
        plan: outputs.plan,
        dead_letter: "dead_letter" in queue ? nameInStack(queue.dead_letter, outputs.stack) : null,
      }),
    ),
  ]);
  return found.flatMap((one) => one ?? []);
}

/** The drift that the driver told, and what it cannot see. */
export function withOutOfSight(drift: readonly DriftedResource[], unseen: readonly OutOfSight[]): DriftedResource[] {
  const told = drift.map((one) => ({ ...one }));
  for (const { type, name, property } of unseen) {
    const known = told.find((one) => one.type === type && one.name === name);
    if (known?.state === "missing") continue;
    if (!known) told.push({ type, name, state: "drifted", changed: [property] });
    else {
      known.state = "drifted";
      known.changed = [...new Set([...known.changed, property])].sort();
    }
  }
  return told;
}

async function cronsOutOfSight(
  client: Cloudflare,
  account_id: string,
  { script, resource, crons }: { script: string; resource: string; crons: readonly string[] },
): Promise<OutOfSight[]> {
  const answer = await unlessGone(client.workers.scripts.schedules.get(script, { account_id }));
  if (answer === null) return [];
  const live = answer.schedules.map(({ cron }) => cron ?? "");
  const wrong = [
    ...crons.filter((cron) => !live.includes(cron)).map((cron) => `${cron} is missing`),
    ...live.filter((cron) => !crons.includes(cron)).map((cron) => `${cron} is not declared`),
  ];
  if (wrong.length === 0) return [];
  return [
    {
      type: CRONS,
      name: `${resource}-crons`,
      property: "schedules",
      said: `cron triggers of ${script}: ${wrong.join(", ")}`,
      repair: () =>
        client.workers.scripts.schedules.update(script, { account_id, body: crons.map((cron) => ({ cron })) }),
    },
  ];
}

/** `declared`: its shares, or the deployment that the last `up` made. */
async function trafficOutOfSight(
  client: Cloudflare,
  account_id: string,
  { script, resource, declared }: { script: string; resource: string; declared: string | readonly Share[] },
): Promise<OutOfSight[]> {
  const versions = workerVersions(client, account_id, script);
  const deployments = await versions.deployments();
  const wanted = typeof declared === "string" ? deployments.find(({ id }) => id === declared)?.versions : [...declared];
  const [serving] = deployments;
  if (serving === undefined || wanted === undefined) return [];
  const [live, meant] = [sharesTold(serving.versions), sharesTold(wanted)];
  if (live === meant) return [];
  return [
    {
      type: DEPLOYMENT,
      name: `${resource}-deployment`,
      property: "versions",
      said: `traffic of ${script} goes to ${live}, declared is ${meant}`,
      repair: () => versions.deploy(wanted),
    },
  ];
}

/** A version on trial, which has no share, is nobody's concern. */
function sharesTold(shares: readonly Share[]): string {
  return shares
    .filter(({ percentage }) => percentage > 0)
    .map(({ version_id, percentage }) => `version ${version_id} (${percentage} %)`)
    .sort()
    .join(", ");
}

async function queueOutOfSight(
  client: Cloudflare,
  account_id: string,
  {
    queue_id,
    script,
    resource,
    plan,
    dead_letter,
  }: {
    queue_id: string;
    script: string;
    resource: string;
    plan: StackOutputs["plan"];
    dead_letter: string | null;
  },
): Promise<OutOfSight[]> {
  const queue = await unlessGone(client.queues.get(queue_id, { account_id }));
  if (queue === null) return [];
  const found: OutOfSight[] = [];
  const { delivery_paused = false, delivery_delay = 0, message_retention_period } = queue.settings ?? {};
  const kept_s = QUEUE_RETENTION_S.default;
  const wrong = [
    ...(delivery_paused ? ["is paused"] : []),
    ...(delivery_delay === 0 ? [] : [`delays every message by ${delivery_delay} s`]),
    // Of the free plan's queues it cannot be changed.
    ...(plan === "free" || message_retention_period === undefined || message_retention_period === kept_s
      ? []
      : [`keeps messages for ${message_retention_period} s instead of ${kept_s} s`]),
  ];
  const settings = {
    ...{ delivery_paused: false, delivery_delay: 0 },
    ...(plan === "free" ? {} : { message_retention_period: kept_s }),
  };
  if (wrong.length > 0)
    found.push({
      type: QUEUE,
      name: resource,
      property: "settings",
      said: `queue ${queue.queue_name} ${wrong.join(", ")}`,
      repair: () => client.queues.edit(queue_id, { account_id, settings }),
    });
  for await (const consumer of client.queues.consumers.list(queue_id, { account_id })) {
    if (consumer.type !== "worker" || consumer.script_name !== script) continue;
    const { consumer_id = "", dead_letter_queue, settings } = consumer;
    if ((dead_letter_queue || null) === dead_letter) continue;
    found.push({
      type: CONSUMER,
      name: `${resource}-consumer`,
      property: "deadLetterQueue",
      said: `dead letters of ${queue.queue_name} go to ${dead_letter_queue || "no queue"}, declared is ${dead_letter ?? "none"}`,
      repair: () =>
        client.queues.consumers.update(consumer_id, {
          ...{ account_id, queue_id, type: "worker", script_name: script },
          ...(settings === undefined ? {} : { settings }),
          ...(dead_letter === null ? {} : { dead_letter_queue: dead_letter }),
        }),
    });
  }
  return found;
}
