/** `ops generation drop`: takes a generation that is not live out of the stack, with its data: the only way in which one ends. */
import { z } from "zod";
import { DATABASE, STACKS, VECTOR_INDEX } from "../../infra/inventory.ts";
import { DAY_MS } from "../../infra/limits.ts";
import { isWaived, type Waiver } from "../../infra/waivers.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import { positive } from "../command/options.ts";
import { UNDO_WINDOW_MS } from "../limits.ts";
import { configured } from "./live.ts";
import { readRecord, readWayBack } from "./record.ts";
import { type StoreSession, withSession } from "./stores.ts";

export const STORES = ["database", "vectors"] as const;
export type StoreKind = (typeof STORES)[number];

export const generationDrop = defineCommand({
  path: "generation drop",
  group: "data",
  summary: "delete a generation that is not live, with its data",
  notes: "Exit code 3: it is live, belongs to a switch under way, or is the way back of a switch of the last 7 days.",
  risk: "destructive",
  args: z.object({
    store: z.enum(STORES).describe("which store"),
    generation: positive.describe("its number, as generation list shows it"),
  }),
  options: z.object({
    early: z.boolean().default(false).describe("also within the 7 days in which a switch can be undone"),
  }),
  output: z.strictObject({
    stack: z.enum(STACKS),
    store: z.enum(STORES).describe("which store"),
    generation: z.number(),
    dropped: z.boolean().describe("false in a dry run"),
  }),
  examples: ["generation drop database 1 --dry-run", "generation drop vectors 2 --early --yes"],
  run: (invocation, { store, generation, early }) =>
    withSession(invocation, async (session) => {
      const { stack, dry_run } = invocation;
      await refuseDrop(session, store, generation, early);
      const named = `${store} g${generation}`;
      const data = { stack, store, generation, dropped: !dry_run };
      if (dry_run) return { data, text: `Would delete ${named} with its data.` };
      await invocation.confirm({ op: "delete", subject: `${named} with its data` });
      await dropGeneration(session, store, generation);
      return { data, text: `Deleted ${named}.`, audit: { detail: { store, generation } } };
    }),
});

/**
 * @throws OpsError with exit code 3 when the generation is live, belongs to a switch under way, or is the way back of a
 * recent one (`early` allows that).
 */
async function refuseDrop(session: StoreSession, store: StoreKind, generation: number, early: boolean): Promise<void> {
  const { bucket, steady } = session;
  const config = await configured(session);
  const refuse = (cause: string, hint: string) => {
    const subject = `${store} g${generation}`;
    throw new OpsError({ op: "drop", subject, cause, hint }, { exit_code: EXIT.refused });
  };
  const numbers = config[store].generations.map((one) => (typeof one === "number" ? one : one.generation));
  if (!numbers.includes(generation)) refuse("there is no such generation", "npm run ops -- generation list");
  if (config[store].live === generation) refuse("the Worker is bound to it", "move to another generation first");
  const underWay = await readRecord(bucket, steady);
  if (underWay?.value[store]) refuse("a switch is under way", "end it first: npm run ops -- generation resume");
  const back = await readWayBack(bucket, store, steady);
  const age_ms = back === null ? Number.POSITIVE_INFINITY : session.now() - back.at_ms;
  if (back?.from === generation && age_ms < UNDO_WINDOW_MS && !early) {
    const since = new Date(back.at_ms).toISOString();
    refuse(`the switch of ${since} could not be undone without it`, "wait for 7 days, or add --early");
  }
}

/** Drops it: its protection is waived, it goes, and the waiver goes. Repeat it after an interruption. */
export async function dropGeneration(session: StoreSession, store: StoreKind, generation: number): Promise<void> {
  const { driver } = session;
  const resource = `${store === "database" ? DATABASE.name : VECTOR_INDEX.name}-g${generation}`;
  const before = ((await driver.getConfig("waivers")) as Waiver[] | undefined) ?? [];
  if (!isWaived(before, resource, session.now())) {
    const expires = new Date(session.now() + DAY_MS).toISOString().slice(0, 10);
    const waiver = { resource, reason: "dropped by ops generation drop: it is not live any more", expires };
    await driver.setConfig({ waivers: [...before, waiver] });
  }
  // One deployment to lift the protection, another to remove what is no longer protected.
  await driver.up();
  const config = await configured(session);
  const waivers = before.filter((waiver) => waiver.resource !== resource);
  await driver.setConfig(
    store === "database"
      ? {
          database: {
            ...config.database,
            generations: config.database.generations.filter((number) => number !== generation),
          },
        }
      : {
          vectors: {
            ...config.vectors,
            generations: config.vectors.generations.filter((one) => one.generation !== generation),
          },
        },
  );
  await driver.up();
  await driver.setConfig({ waivers: waivers.length > 0 ? waivers : undefined });
}
