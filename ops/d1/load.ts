/**
 * A database made anew from a schema and rows: tables first, then the caller's rows, then everything that would be slow or wrong meanwhile
 * (indexes, full-text indexes, triggers, sequences).
 *
 * D1 checks foreign keys always (`PRAGMA foreign_keys = off` is ignored). Tables come parents first, so rows can follow that order; tables
 * that refer to themselves, or in a circle, or to such tables, get a stand-in without foreign keys, emptied into them by one transaction at the end. That one
 * has D1's 30 s, which is millions of rows; only such circles are bound by it.
 *
 * Every step looks at what is there, so an interrupted load goes on by being started again.
 */
import { counted } from "../../worker/ground/counted.ts";
import { OpsError } from "../command/errors.ts";
import type { D1Connection, Statement } from "./connection.ts";
import { rebuildFullText } from "./full-text.ts";
import { optionOf } from "./full-text-options.ts";
import { queryRows } from "./query.ts";
import { type Definition, isNamed, quoted, type Schema, type Sequence, type Table } from "./schema.ts";

const STAND_IN = "prism_loading_";

interface Load {
  schema: Schema;
  /** Where the rows of a table of `schema.tables` are written: itself, or its stand-in. Rows go in in the order of `schema.tables`. */
  target(table: Table): Table;
}

/**
 * Makes the tables that are missing.
 * @throws OpsError when the database holds something that is not of `schema`.
 */
export async function beginLoad(connection: D1Connection, schema: Schema): Promise<Load> {
  refuseTorn(schema);
  const there = await objects(connection);
  refuseStrangers(schema, there);
  const isMissing = ({ name }: Definition) => !there.has(name);
  const circular = schema.tables.filter((table) => needsStandIn(schema, table)).map(standIn);
  const made = [
    ...schema.tables.filter(isMissing),
    ...circular.filter(({ of }) => isMissing(of)).map(({ table }) => table),
    ...schema.virtual_tables.filter(isMissing),
  ];
  if (made.length > 0) await connection.batch(made.map(({ sql }) => ({ sql })));
  const staged = new Map(
    circular.filter(({ of, table }) => isMissing(of) || !isMissing(table)).map(({ of, table }) => [of, table]),
  );
  return { schema, target: (table) => staged.get(table) ?? table };
}

/**
 * Makes the rest, once all rows are in: stand-ins emptied, indexes, views, full-text indexes, sequences, triggers last of all.
 * `on_step` hears what is being done.
 * @throws OpsError in D1's words, as when rows break a foreign key or a unique index.
 */
export async function finishLoad(
  connection: D1Connection,
  load: Load,
  sequences: readonly Sequence[],
  on_step: (step: string) => void = () => {},
): Promise<void> {
  const { schema } = load;
  const there = await objects(connection);
  const staged = schema.tables.filter((table) => there.has(load.target(table).name) && load.target(table) !== table);
  if (staged.length > 0) {
    on_step(`tables with circular references: ${staged.map(({ name }) => name).join(", ")}`);
    await connection.batch([
      { sql: "PRAGMA defer_foreign_keys = on" },
      ...staged.map((table) => emptied(table, load.target(table))),
      ...staged.map((table) => ({ sql: `DROP TABLE ${quoted(load.target(table).name)}` })),
    ]);
  }
  const make = async (kind: string, definitions: readonly Definition[]) => {
    for (const { name, sql } of definitions) {
      if (there.has(name)) continue;
      on_step(`${kind} ${name}`);
      await connection.batch([{ sql }]);
    }
  };
  await make("index", schema.indexes);
  await make("view", schema.views);
  for (const table of schema.virtual_tables.filter(({ name }) => schema.rebuilt.includes(name))) {
    on_step(`full-text index ${table.name}`);
    await rebuildFullText(connection, table);
  }
  if (schema.has_sequences) await connection.batch(sequenceStatements(sequences), { repeatable: true });
  const triggers = schema.triggers.filter(({ name }) => !there.has(name));
  on_step(`${counted(triggers.length, "trigger")}`);
  // All or none: with some of them there, rows could not be written again.
  if (triggers.length > 0) await connection.batch(triggers.map(({ sql }) => ({ sql })));
}

async function objects(connection: D1Connection): Promise<Map<string, string | null>> {
  const rows = await queryRows(connection, "SELECT name, sql FROM sqlite_schema");
  return new Map(rows.map(([name, sql]) => [String(name), sql === null ? null : String(sql)]));
}

/** Full-text indexes that have outlived the rows that they are of: such a database cannot be made anew. In words. */
export function tornIndexes({ tables, views, virtual_tables, rebuilt }: Schema): string[] {
  const held = new Set([...tables, ...views].map(({ name }) => name.toLowerCase()));
  return virtual_tables.flatMap(({ name, sql }) => {
    const content = optionOf(sql, "content") ?? "";
    const isTorn = rebuilt.includes(name) && !held.has(content.toLowerCase());
    return isTorn ? [`the full-text index ${name} is of rows of ${content}, and that table is missing`] : [];
  });
}

/** Known before rows are written, and not when the index is made of them. */
function refuseTorn(schema: Schema): void {
  const [cause] = tornIndexes(schema);
  if (cause === undefined) return;
  const hint =
    "take a state from before it was lost: npm run ops -- backup list, or npm run ops -- restore plan --at TIME";
  throw new OpsError({ op: "make", subject: "the database anew", cause, hint });
}

/** Tables that this schema would not make, or would make otherwise. Shadow tables and what SQLite made itself are nobody's. */
function refuseStrangers(schema: Schema, there: ReadonlyMap<string, string | null>): void {
  const tables = [...schema.tables, ...schema.virtual_tables];
  const isOurs = (name: string, sql: string) =>
    tables.some((table) => table.name === name && table.sql === sql) ||
    [...schema.indexes, ...schema.views, ...schema.triggers].some(
      (other) => other.name === name && other.sql === sql,
    ) ||
    [...schema.tables.filter(({ is_full_text }) => is_full_text), ...schema.virtual_tables].some((table) =>
      name.startsWith(`${table.name}_`),
    ) ||
    tables.some((table) => name === `${STAND_IN}${table.name}`);
  const strangers = [...there].filter(
    ([name, sql]) => sql !== null && !/^(sqlite_|_cf_)/.test(name) && !isOurs(name, sql),
  );
  if (strangers.length === 0) return;
  throw new OpsError({
    op: "load into",
    subject: "a database",
    cause: `it is not empty and was not begun by this load: ${strangers.map(([name]) => name).join(", ")}`,
    hint: "load into a new database (a new generation), and cut over to it",
  });
}

/** It leads back to itself, or to a circle: its rows would wait for parents that come last. */
function needsStandIn(schema: Schema, table: Table): boolean {
  const above = ancestors(schema, table);
  return [table, ...above].some((one) => ancestors(schema, one).has(one));
}

function ancestors({ tables }: Schema, table: Table): Set<Table> {
  const found = new Set<Table>();
  const open = [table];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const { parent } of next.foreign_keys) {
      const one = tables.find((other) => isNamed(other, parent));
      if (one === undefined || found.has(one)) continue;
      found.add(one);
      open.push(one);
    }
  }
  return found;
}

/** Without types: every value stays what it is. */
function standIn(of: Table): { of: Table; table: Table } {
  const name = `${STAND_IN}${of.name}`;
  const columns = of.columns.map((column) => quoted(column.name)).join(", ");
  const sql = `CREATE TABLE ${quoted(name)} (${columns}, PRIMARY KEY (${of.key.map(quoted).join(", ")})) WITHOUT ROWID`;
  return { of, table: { ...of, name, sql, foreign_keys: [], is_cascading: false, is_logged: false } };
}

function emptied(table: Table, from: Table): Statement {
  const columns = table.columns.map(({ name }) => quoted(name)).join(", ");
  const order = table.key.map(quoted).join(", ");
  return {
    sql: `INSERT INTO ${quoted(table.name)} (${columns}) SELECT ${columns} FROM ${quoted(from.name)} ORDER BY ${order}`,
  };
}

function sequenceStatements(sequences: readonly Sequence[]): Statement[] {
  const values = JSON.stringify(sequences.map(({ table, last }) => [table, String(last)]));
  return [
    { sql: "DELETE FROM sqlite_sequence" },
    {
      sql: "INSERT INTO sqlite_sequence (name, seq) SELECT value ->> 0, CAST(value ->> 1 AS INTEGER) FROM json_each(?1)",
      params: [values],
    },
  ];
}
