/** `ops generation list` */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { STORES, type StoreKind } from "./generations.ts";
import { readRecord, readWayBack, wayOn } from "./record.ts";
import { withSession } from "./stores.ts";

const named = z.strictObject({ generation: z.number(), name: z.string() });
const move = z.strictObject({ from: z.number(), to: z.number() });
const wayBack = move.extend({ at: z.iso.datetime() }).nullable();

export const generationList = defineCommand({
  path: "generation list",
  group: "data",
  summary: "generations that exist, which are live, and what is under way",
  risk: "read",
  output: z.strictObject({
    stack: z.enum(STACKS),
    database: z.strictObject({ live: z.number(), generations: z.array(named.extend({ id: z.string() })) }),
    vectors: z.strictObject({ live: z.number(), generations: z.array(named.extend({ dimensions: z.number() })) }),
    under_way: z
      .strictObject({
        step: z.string(),
        begun_at: z.iso.datetime(),
        database: move.nullable(),
        vectors: move.nullable(),
      })
      .nullable(),
    undo: z.strictObject({ database: wayBack, vectors: wayBack }).describe("where generation undo goes back to"),
  }),
  examples: ["generation list", "generation list --stack production --json"],
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const resources = await session.target.resources();
      const { database, vectors } = resources;
      const underWay = (await readRecord(session.bucket, session.steady))?.value;
      const back = async (which: StoreKind) => {
        const way = await readWayBack(session.bucket, which, session.steady);
        // Left by another way since: nothing goes back along it.
        if (way?.to !== resources[which].live) return null;
        return { from: way.from, to: way.to, at: new Date(way.at_ms).toISOString() };
      };
      const data = {
        stack: invocation.stack,
        database,
        vectors,
        under_way: underWay
          ? {
              step: underWay.step,
              begun_at: new Date(underWay.begun_at_ms).toISOString(),
              database: underWay.database && { from: underWay.database.from, to: underWay.database.to },
              vectors: underWay.vectors && { from: underWay.vectors.from, to: underWay.vectors.to },
            }
          : null,
        undo: { database: await back("database"), vectors: await back("vectors") },
      };
      const rows = STORES.flatMap((store) =>
        data[store].generations.map(({ generation, name }) => {
          const isKept = generation === data.undo[store]?.from;
          return { store, name, state: generation === data[store].live ? "live" : isKept ? "kept for undo" : "idle" };
        }),
      );
      const lines = table(invocation.terminal, rows, [
        { title: "store", value: (row) => row.store },
        { title: "generation", value: (row) => row.name },
        { title: "state", value: (row) => row.state },
      ]);
      const news = underWay
        ? `\nA switch is at "${underWay.step}". Where it was interrupted: ${wayOn(underWay)} goes on with it, npm run ops -- generation cancel gives it up.`
        : "";
      return { data, text: `${lines}${news}` };
    }),
});
