/**
 * Generations by their names, which of them nobody needs any more, and how they go.
 *
 * Each that was live is kept for as long as a switch can be undone, also those that a later switch has left behind: what was written to
 * one of them is nowhere else.
 */
import { DATABASE, VECTOR_INDEX } from "../../infra/inventory.ts";
import { isWaived } from "../../infra/waivers.ts";
import { DAY_MS, dayOf } from "../../worker/ground/time.ts";
import { unlessGone } from "../cloudflare/failures.ts";
import { asOpsError } from "../command/errors.ts";
import { UNDO_WINDOW_MS } from "../limits.ts";
import { configured, countingWaivers, DROP_REASON, deployStores, numbersOf, pinOfDeployedCode } from "./live.ts";
import { readRecord, readWayBack } from "./record.ts";
import type { StoreSession } from "./stores.ts";

export const STORES = ["database", "vectors"] as const;
export type StoreKind = (typeof STORES)[number];

/** A generation of a store. */
export interface Named {
  store: StoreKind;
  generation: number;
}

export const nameOf = ({ store, generation }: Named): string => `${store} g${generation}`;

/** Those whose window is over, by the records of the switches that left them. One that no record names is kept, and so is a live one. */
export async function expiredGenerations(session: StoreSession): Promise<Named[]> {
  const { bucket, steady } = session;
  const config = await configured(session);
  const underWay = (await readRecord(bucket, steady))?.value;
  const expired: Named[] = [];
  for (const store of STORES) {
    const way = await readWayBack(bucket, store, steady);
    const since = new Map((way?.left ?? []).map(({ generation, at_ms }) => [generation, at_ms]));
    if (way !== null) since.set(way.from, way.at_ms);
    const needed = [config[store].live, underWay?.[store]?.from, underWay?.[store]?.to];
    for (const generation of numbersOf(config[store])) {
      const is_over = session.now() - (since.get(generation) ?? session.now()) >= UNDO_WINDOW_MS;
      if (is_over && !needed.includes(generation)) expired.push({ store, generation });
    }
  }
  return expired;
}

/** Drops them: their protection is waived, they go, and the waivers go. None is nothing. Repeat it after an interruption. */
export async function dropGenerations(session: StoreSession, generations: readonly Named[]): Promise<void> {
  if (generations.length === 0) return;
  const { driver } = session;
  const resources = generations.map(
    ({ store, generation }) => `${store === "database" ? DATABASE.name : VECTOR_INDEX.name}-g${generation}`,
  );
  const before = await countingWaivers(session);
  const protectedOnes = resources.filter((resource) => !isWaived(before, resource, session.now()));
  if (protectedOnes.length > 0) {
    const expires = dayOf(session.now() + DAY_MS);
    const added = protectedOnes.map((resource) => ({ resource, reason: DROP_REASON, expires }));
    await driver.setConfig({ waivers: [...before, ...added] });
  }
  // Where the Worker is gone there is no code to keep.
  const pin = await unlessGone(pinOfDeployedCode(session));
  // One deployment to lift the protection, another to remove what is no longer protected.
  await deployStores(session, pin).catch(async (error: unknown) => {
    // One that is refused for its waivers would be refused again, and every other deployment with it.
    await driver.setConfig({ waivers: before.length > 0 ? before : undefined });
    throw error;
  });
  const { database, vectors } = await configured(session);
  const goes = (store: StoreKind, number: number) =>
    generations.some((one) => one.store === store && one.generation === number);
  const waivers = before.filter(({ resource }) => !resources.includes(resource));
  await driver.setConfig({
    database: { ...database, generations: database.generations.filter((number) => !goes("database", number)) },
    vectors: {
      ...vectors,
      generations: vectors.generations.filter(({ generation }) => !goes("vectors", generation)),
    },
  });
  await deployStores(session, pin);
  await driver.setConfig({ waivers: waivers.length > 0 ? waivers : undefined });
}

/** After a switch, which is done whatever comes of this: a failure is only told. Returns what was deleted, by name. */
export async function dropExpired(session: StoreSession): Promise<string[]> {
  try {
    const expired = await expiredGenerations(session);
    await dropGenerations(session, expired);
    return expired.map(nameOf);
  } catch (error) {
    session.note(
      `Generations whose undo window is over are still there: ${asOpsError(error).message}. Try: npm run ops -- generation drop --expired`,
    );
    return [];
  }
}
