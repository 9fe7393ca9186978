/** `ops db indexes` */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { advice } from "../../worker/schemas/monitoring.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { OURS } from "../d1/definitions.ts";
import { liveDatabase, openStack } from "../stack/delivery.ts";
import { readSlowStatements } from "./slow-statements.ts";

const INDEXES = `SELECT s.tbl_name, s.name, s.sql LIKE '% WHERE %',
    (SELECT group_concat(x.name, ', ') FROM (SELECT name FROM pragma_index_info(s.name) ORDER BY seqno) x)
  FROM sqlite_schema s WHERE s.type = 'index' AND s.sql IS NOT NULL ORDER BY s.tbl_name, s.name`;

/** References whose columns no index begins with: deleting a parent reads all children. */
const UNINDEXED_REFERENCES = `SELECT l.name, f."from", f."table" FROM pragma_table_list l JOIN pragma_foreign_key_list(l.name) f
  WHERE l.schema = 'main' AND l.type = 'table' AND ${OURS} AND NOT EXISTS (
    SELECT 1 FROM pragma_index_list(l.name) i JOIN pragma_index_info(i.name) c WHERE c.seqno = 0 AND c.name = f."from")`;

const output = z.strictObject({
  indexes: z.array(
    z.strictObject({ table: z.string(), name: z.string(), columns: z.string(), is_partial: z.boolean() }),
  ),
  unindexed_references: z.array(z.strictObject({ table: z.string(), column: z.string(), parent: z.string() })),
  advice,
});

export const dbIndexes = defineCommand({
  path: "db indexes",
  group: "data",
  summary: "the indexes of the live database, and which its slow statements ask for",
  notes:
    "Advice is given for slow statements that read a whole table of a thousand rows and more. A new index is a migration.",
  risk: "read",
  output,
  examples: ["db indexes", "db indexes --json"],
  async run(invocation) {
    const [{ index_advice: advice }, connection] = await Promise.all([
      readSlowStatements(await invocation.client()),
      openStack(invocation).then(liveDatabase),
    ]);
    const [found, references] = await connection.batch([{ sql: INDEXES }, { sql: UNINDEXED_REFERENCES }]);
    const indexes = (found?.rows ?? []).map(([of, name, partial, columns]) => ({
      table: String(of),
      name: String(name),
      columns: String(columns),
      is_partial: partial === 1,
    }));
    const unindexed_references = (references?.rows ?? []).map(([of, column, parent]) => ({
      table: String(of),
      column: String(column),
      parent: String(parent),
    }));
    const drawn = table(invocation.terminal, indexes, [
      { title: "table", value: (index) => index.table },
      { title: "index", value: ({ name }) => name },
      { title: "columns", value: ({ columns, is_partial }) => `${columns}${is_partial ? " (some rows)" : ""}` },
    ]);
    return {
      data: { indexes, unindexed_references, advice },
      text: [
        drawn,
        ...unindexed_references.map(
          ({ table: of, column, parent }) => `${of}.${column} refers to ${parent} without an index.`,
        ),
        ...(advice.length === 0
          ? ["No slow statement asks for another one."]
          : advice.map((one) => `${one.table} (${counted(one.rows, "row")}): ${one.advice}\n  ${one.statement}`)),
      ].join("\n"),
    };
  },
});
