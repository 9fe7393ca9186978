/** `ops generation drop`: takes generations that are not live out of the stack, with their data. A switch that makes a new one drops those that are over by the same rule. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { misuse, type OpsError, refusal } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { UNDO_WINDOW_MS } from "../limits.ts";
import { dropGenerations, expiredGenerations, type Named, nameOf, STORES, type StoreKind } from "./generations.ts";
import { configured, numbersOf } from "./live.ts";
import { readRecord, readWayBack, wayOn } from "./record.ts";
import { type StoreSession, withSession } from "./stores.ts";

const named = z.strictObject({ store: z.enum(STORES).describe("which store"), generation: z.number() });
const asked = z.strictObject({ stack: z.enum(STACKS), dropped: z.boolean().describe("false in a dry run") });
const output = z.union([asked.extend(named.shape), asked.extend({ expired: z.array(named) })]);

export const generationDrop = defineCommand({
  path: "generation drop",
  group: "data",
  summary: "delete a generation that is not live, with its data; or all whose undo window is over",
  notes: `Exit code 3: it is live, belongs to a switch under way, or is the way back of a switch of the last 7 days. A move or a restore
deletes by itself what has not been live for 7 days; --expired does so on its own, for a schedule.`,
  risk: "destructive",
  args: z.object({
    store: z.enum(STORES).optional().describe("which store"),
    generation: positive.optional().describe("its number, as generation list shows it"),
  }),
  options: z.object({
    early: z.boolean().default(false).describe("also within the 7 days in which a switch can be undone"),
    expired: z.boolean().default(false).describe("all that have not been live for 7 days, of both stores"),
  }),
  output,
  examples: ["generation drop database 1 --dry-run", "generation drop --expired --yes"],
  run: (invocation, { store, generation, early, expired }) =>
    withSession(invocation, async (session): Promise<Outcome<z.infer<typeof output>>> => {
      const { stack, dry_run } = invocation;
      const is_one = store !== undefined && generation !== undefined;
      if (is_one === expired || (expired && (early || store !== undefined))) throw twoWays();
      if (is_one) await refuseDrop(session, { store, generation }, early);
      else await refuseUnderWay(session, null);
      const generations = is_one ? [{ store, generation }] : await expiredGenerations(session);
      const named = generations.map(nameOf).join(", ");
      const data = { stack, dropped: !dry_run, ...(is_one ? { store, generation } : { expired: generations }) };
      if (generations.length === 0) return { data, text: "No generation's undo window is over." };
      if (dry_run) return { data, text: `Would delete ${named} with its data.` };
      await invocation.confirm({ op: "delete", subject: `${named} with its data` });
      await dropGenerations(session, generations);
      return { data, text: `Deleted ${named}.`, audit: { detail: { generations: named } } };
    }),
});

function twoWays(): OpsError {
  return misuse({
    op: "drop",
    subject: "generations",
    cause: "it takes a store and a number, or --expired alone",
    hint: "npm run ops -- generation drop --help",
  });
}

/**
 * @throws OpsError with exit code 3 when the generation is live, belongs to a switch under way, or is the way back of a
 * recent one (`early` allows that).
 */
async function refuseDrop(session: StoreSession, { store, generation }: Named, early: boolean): Promise<void> {
  const { bucket, steady } = session;
  const config = await configured(session);
  const refuse = (cause: string, hint: string) => {
    throw refusal({ op: "drop", subject: nameOf({ store, generation }), cause, hint });
  };
  if (!numbersOf(config[store]).includes(generation))
    refuse("there is no such generation", "npm run ops -- generation list");
  if (config[store].live === generation) refuse("the Worker is bound to it", "move to another generation first");
  await refuseUnderWay(session, store);
  const back = await readWayBack(bucket, store, steady);
  const age_ms = back === null ? Number.POSITIVE_INFINITY : session.now() - back.at_ms;
  if (back?.from === generation && age_ms < UNDO_WINDOW_MS && !early) {
    const since = new Date(back.at_ms).toISOString();
    refuse(`the switch of ${since} could not be undone without it`, "wait for 7 days, or add --early");
  }
}

/** `store` null: either. */
async function refuseUnderWay({ bucket, steady }: StoreSession, store: StoreKind | null): Promise<void> {
  const underWay = await readRecord(bucket, steady);
  if (underWay === null || (store !== null && underWay.value[store] === null)) return;
  throw refused(store ?? "generations", "a switch is under way", `end it first: ${wayOn(underWay.value)}`);
}

function refused(subject: string, cause: string, hint: string): OpsError {
  return refusal({ op: "drop", subject, cause, hint });
}
