/** Queues: ingest work and its dead letters. Messages are data, so the queues are kept like stores. */
import { Queue } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { stack } from "./config.ts";
import { nameInStack, QUEUES } from "./inventory.ts";
import { mapNouns } from "./nouns.ts";
import { keep } from "./protection.ts";

const queue = ({ name }: { name: string }) =>
  new Queue(name, { accountId, queueName: nameInStack(name, stack) }, keep(name));

export const queues = mapNouns(QUEUES, queue);
