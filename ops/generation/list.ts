/** What `ops generation list` tells. */
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { STORES, type StoreKind } from "./drop.ts";
import { readRecord, readWayBack } from "./record.ts";
import type { Workbench } from "./stores.ts";

export async function listGenerations(bench: Workbench, { stack, terminal }: Invocation): Promise<Outcome> {
  const { database, vectors } = await bench.target.resources();
  const underWay = await readRecord(bench.bucket, bench.steady);
  const back = async (which: StoreKind) => {
    const way = await readWayBack(bench.bucket, which, bench.steady);
    return way && { from: way.from, to: way.to, at: new Date(way.at_ms).toISOString() };
  };
  const undoable = { database: await back("database"), vectors: await back("vectors") };
  const data = {
    stack,
    database,
    vectors,
    under_way: underWay && {
      step: underWay.value.step,
      begun_at: new Date(underWay.value.begun_at_ms).toISOString(),
      database: underWay.value.database && { from: underWay.value.database.from, to: underWay.value.database.to },
      vectors: underWay.value.vectors && { from: underWay.value.vectors.from, to: underWay.value.vectors.to },
    },
    undo: undoable,
  };
  const rows = STORES.flatMap((which) =>
    data[which].generations.map(({ generation, name }) => ({
      store: which,
      name,
      state: generation === data[which].live ? "live" : generation === undoable[which]?.from ? "kept for undo" : "idle",
    })),
  );
  const lines = table(
    rows,
    [
      { title: "store", value: (row) => row.store },
      { title: "generation", value: (row) => row.name },
      { title: "state", value: (row) => row.state },
    ],
    terminal,
  );
  const news = data.under_way ? `\nA switch was interrupted at "${data.under_way.step}": generation resume.` : "";
  return { data, text: `${lines}${news}` };
}
