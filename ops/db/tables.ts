/** `ops db tables` */
import { z } from "zod";
import { liveOf } from "../../infra/outputs.ts";
import { sampling } from "../backup/plan-cost.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { shownBytes } from "../command/quantities.ts";
import { firstNumber } from "../d1/query.ts";
import { quoted, readSchema } from "../d1/schema.ts";
import { liveDatabase, openStack } from "../stack/delivery.ts";

const output = z.strictObject({
  database: z.string(),
  bytes: z.int().describe("of the whole database, with its indexes and what deleted rows left"),
  tables: z.array(
    z.strictObject({
      name: z.string(),
      rows: z.int(),
      bytes_about: z.int().describe("rows times the mean of the first hundred; without indexes"),
      indexes: z.array(z.string()),
      is_logged: z.boolean().describe("its changes are in the change log, so that backups copy them alone"),
    }),
  ),
});

export const dbTables = defineCommand({
  path: "db tables",
  group: "data",
  summary: "tables of the live database: rows, size, indexes; largest first",
  notes:
    "Counts every row: each is a row read of D1's allowance. D1 tells the size of a database, not of a table: those are estimates.",
  risk: "read",
  output,
  examples: ["db tables", "db tables --stack production --json"],
  async run(invocation) {
    const stack = await openStack(invocation);
    const connection = await liveDatabase(stack);
    const { database } = await stack.target.resources();
    const live = liveOf(database);
    const { file_size = 0 } = await stack.client.d1.database.get(live?.id ?? "", { account_id: stack.account_id });
    const { tables: found } = await readSchema(connection);
    const measured = await connection.batch([
      ...found.map(({ name }) => ({ sql: `SELECT count(*) FROM ${quoted(name)}` })),
      ...found.map(sampling),
      { sql: "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name" },
    ]);
    const numberAt = (at: number) => firstNumber(measured[at]);
    const indexes = measured.at(-1)?.rows ?? [];
    const tables = found
      .map(({ name, is_logged }, at) => ({
        name,
        rows: numberAt(at),
        bytes_about: Math.round(numberAt(at) * numberAt(found.length + at)),
        indexes: indexes.filter(([of]) => of === name).map(([, index]) => String(index)),
        is_logged,
      }))
      .sort((a, b) => b.bytes_about - a.bytes_about);
    const drawn = table(invocation.terminal, tables, [
      { title: "table", value: ({ name }) => name },
      { title: "rows", value: ({ rows }) => rows, align: "right" },
      { title: "about", value: ({ bytes_about }) => shownBytes(bytes_about), align: "right" },
      { title: "indexes", value: ({ indexes }) => indexes.join(" ") || "-" },
    ]);
    return {
      data: { database: live?.name ?? "", bytes: file_size, tables },
      text: `${drawn}\n${live?.name}: ${shownBytes(file_size)} of the account's storage.`,
    };
  },
});
