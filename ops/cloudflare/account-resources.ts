/** What a stack consists of, as the account itself tells: resources by the inventory's names, live ones by the Worker's bindings. */
import {
  BUCKETS,
  DATABASE,
  KV_NAMESPACES,
  nameInStack,
  SERVICE,
  type Stack,
  VECTOR_INDEX,
} from "../../infra/inventory.ts";
import { mapNouns } from "../../infra/nouns.ts";
import { OpsError } from "../command/errors.ts";
import type { Cloudflare } from "./official.ts";
import { mainVersion, workerVersions } from "./worker-versions.ts";

export interface AccountResources {
  account_id: string;
  database: { live: number; generations: { generation: number; name: string; id: string }[] };
  vectors: { live: number; generations: { generation: number; name: string; dimensions: number }[] };
  /** Ids. */
  kv: Record<keyof typeof KV_NAMESPACES, string>;
  /** Names. */
  buckets: Record<keyof typeof BUCKETS, string>;
  /** `version_id`: of the version that serves, the one with the larger share of a split. */
  worker: { name: string; version_id: string };
}

/**
 * Asks no more than what a backup's token may read: Workers, D1 and Vectorize.
 * @throws OpsError naming what is missing; nothing is guessed.
 */
export async function discoverResources(
  client: Cloudflare,
  account_id: string,
  stack: Stack,
): Promise<AccountResources> {
  const account = { account_id };
  const script = nameInStack(SERVICE, stack);
  const [serving, databases, indexes] = await Promise.all([
    servingVersion(client, account_id, script),
    databasesOf(client, account_id, stack),
    gather(client.vectorize.indexes.list(account), ({ name = "", config }) => ({
      generation: generationOf(name, VECTOR_INDEX, stack),
      name,
      dimensions: (config as { dimensions: number }).dimensions,
    })),
  ]);
  if (serving === null) throw missing(`the Worker ${script}`, stack);
  const bound = (name: string): Record<string, unknown> => {
    const binding = serving.bindings.find((each) => each.name === name);
    if (binding) return binding;
    throw missing(`the binding ${name} of the deployed Worker`, stack);
  };
  const live = <T extends { generation: number }>(all: T[], gone: number, isLive: (one: T) => boolean) => ({
    live: all.find(isLive)?.generation ?? gone,
    generations: all,
  });
  // The API spells the id of a D1 binding either way, by endpoint.
  const { id = bound(DATABASE.binding).database_id } = bound(DATABASE.binding);
  const { index_name } = bound(VECTOR_INDEX.binding);
  return {
    account_id,
    // A live store that was destroyed is none of the generations. Which one a database was, its id does not tell.
    database: live(generations(databases), latest(databases) + 1, (one) => one.id === id),
    vectors: live(
      generations(indexes),
      generationOf(String(index_name), VECTOR_INDEX, stack) ?? latest(indexes) + 1,
      (one) => one.name === index_name,
    ),
    kv: mapNouns(KV_NAMESPACES, ({ binding }) => String(bound(binding).namespace_id)),
    buckets: mapNouns(BUCKETS, ({ name }) => nameInStack(name, stack)),
    worker: { name: script, version_id: serving.id },
  };
}

/** Id of the queue of this name in the inventory. @throws OpsError when the account does not have it. */
export async function queueId(
  client: Cloudflare,
  account_id: string,
  queue: { name: string },
  stack: Stack,
): Promise<string> {
  const name = nameInStack(queue.name, stack);
  for await (const { queue_name, queue_id } of client.queues.list({ account_id }))
    if (queue_name === name && queue_id !== undefined) return queue_id;
  throw missing(`the queue ${name}`, stack);
}

/** Page by page; the client's own iteration asks for one more, to find it empty. */
async function databasesOf(client: Cloudflare, account_id: string, stack: Stack) {
  let page = await client.d1.database.list({ account_id });
  const found = [...page.result];
  while (page.result.length >= (page.result_info?.per_page ?? 1)) {
    page = await page.getNextPage();
    found.push(...page.result);
  }
  return found.map(({ name = "", uuid = "" }) => ({ generation: generationOf(name, DATABASE, stack), name, id: uuid }));
}

/** Null where none serves. */
async function servingVersion(client: Cloudflare, account_id: string, script: string) {
  const versions = workerVersions(client, account_id, script);
  const [serving] = await versions.deployments();
  return serving === undefined ? null : await versions.version(mainVersion(serving));
}

/** Number of the generation in a store's name; null for another store's. */
function generationOf(name: string, store: { name: string }, stack: Stack): number | null {
  const prefix = `${nameInStack(store.name, stack)}-g`;
  const number = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  return /^[1-9]\d*$/.test(number) ? Number(number) : null;
}

function latest(all: { generation: number | null }[]): number {
  return Math.max(0, ...all.map(({ generation }) => generation ?? 0));
}

function generations<T extends { generation: number | null }>(all: T[]): (T & { generation: number })[] {
  return all
    .flatMap((one) => (one.generation === null ? [] : [{ ...one, generation: one.generation }]))
    .sort((a, b) => a.generation - b.generation);
}

async function gather<T, R>(pages: AsyncIterable<T>, take: (one: T) => R): Promise<R[]> {
  const all: R[] = [];
  for await (const one of pages) all.push(take(one));
  return all;
}

function missing(what: string, stack: Stack): OpsError {
  return new OpsError({
    op: "find",
    subject: what,
    cause: "the account does not have it",
    hint: `npm run ops -- deploy --stack ${stack} makes what is missing`,
    reason: "resource-missing",
  });
}
