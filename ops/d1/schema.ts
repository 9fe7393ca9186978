/**
 * What a D1 database consists of, as far as copying it needs to know, read from the database itself.
 *
 * Left out: SQLite's own tables (`sqlite_…`; sequences are read apart, statistics are made anew), Cloudflare's (`_cf_…`), and the
 * shadow tables behind FTS5. A foreign database may hold what cannot be copied; it is refused, with the reason, instead of copied in part.
 */
import { OpsError } from "../command/errors.ts";
import type { D1Connection, JsonValue, Rows } from "./connection.ts";
import { DEFINITIONS, fingerprintOf, OURS } from "./definitions.ts";
import { optionOf } from "./full-text-options.ts";
import { queryRows } from "./query.ts";

/** Of the change log that the Worker's migrations make. */
export const CHANGE_LOG = "change_log";

export interface Column {
  name: string;
  /** Holds nothing but TEXT, BLOB and NULL: TEXT affinity turns numbers into text. */
  is_textual: boolean;
}

export interface ForeignKey {
  columns: string[];
  parent: string;
  /** Empty: the parent's primary key. */
  parent_columns: string[];
  /** CASCADE, SET NULL or SET DEFAULT: deleting the parent changes this table. */
  acts_on_delete: boolean;
}

export interface Table {
  name: string;
  sql: string;
  /** The cells of a row, in this order: the rowid where the table has one of its own, then every column that is not generated. */
  columns: Column[];
  /** Names of the columns that tell rows apart; never NULL. The primary key, else the rowid. */
  key: string[];
  foreign_keys: ForeignKey[];
  /** Deleting a row acts on rows of other tables. */
  is_cascading: boolean;
  /** Every insert, update and delete is named in the change log. */
  is_logged: boolean;
  /** An FTS5 table that holds its text itself: copied row by row. */
  is_full_text: boolean;
}

export interface Definition {
  name: string;
  sql: string;
}

export interface Schema {
  /** Parents before children, as far as foreign keys make no circle. */
  tables: Table[];
  /** Virtual tables without rows of their own. */
  virtual_tables: Definition[];
  /** FTS5 tables over another table's text, to be rebuilt once that is there. */
  rebuilt: string[];
  indexes: Definition[];
  views: Definition[];
  triggers: Definition[];
  has_sequences: boolean;
}

/** A table of `AUTOINCREMENT` and the largest key it ever had. */
export interface Sequence {
  table: string;
  last: bigint;
}

/**
 * The schema of the database behind `connection`.
 * @throws OpsError naming every table that cannot be copied without loss, and why.
 */
export async function readSchema(connection: D1Connection): Promise<Schema> {
  return (await readDefinitions(connection)).schema;
}

/** The schema, and the fingerprint of the definitions in the same transaction. @throws OpsError as `readSchema`. */
export async function readDefinitions(connection: D1Connection): Promise<{ schema: Schema; fingerprint: string }> {
  const results = await connection.batch([
    { sql: `SELECT l.type, l.name, l.tbl_name, l.sql FROM sqlite_schema l WHERE ${OURS} ORDER BY l.rowid` },
    {
      sql: `SELECT l.name, l.type, l.wr, x.name, x.type, x."notnull", x.pk, x.hidden
        FROM pragma_table_list l JOIN pragma_table_xinfo(l.name) x
        WHERE l.schema = 'main' AND l.type IN ('table', 'virtual') AND ${OURS} ORDER BY l.name, x.cid`,
    },
    {
      sql: `SELECT l.name, f.id, f."table", f."from", f."to", f.on_delete
        FROM pragma_table_list l JOIN pragma_foreign_key_list(l.name) f
        WHERE l.schema = 'main' AND l.type = 'table' AND ${OURS} ORDER BY l.name, f.id, f.seq`,
    },
    {
      sql: `SELECT l.name FROM pragma_table_list l JOIN pragma_index_list(l.name) i
        WHERE l.schema = 'main' AND l.type = 'table' AND i.origin = 'pk' AND ${OURS}`,
    },
    { sql: "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'" },
    DEFINITIONS,
  ]);
  const fingerprint = fingerprintOf(results.at(-1));
  const [objects = [], columns = [], references = [], keyIndexes = [], sequences = []] = results.map(
    ({ rows }) => rows,
  );
  const keyed = new Set(keyIndexes.map(([name]) => String(name)));
  const described = Map.groupBy(columns.map(describedColumn), ({ table }) => table);
  const foreign = Map.groupBy(references.map(foreignKeyPart), ({ table }) => table);
  const schema: Schema = {
    tables: [],
    virtual_tables: [],
    rebuilt: [],
    indexes: [],
    views: [],
    triggers: [],
    has_sequences: sequences[0]?.[0] !== 0,
  };
  const refused: string[] = [];
  const tables: Table[] = [];
  const kinds = { index: schema.indexes, view: schema.views, trigger: schema.triggers };
  for (const [type, name, , sql] of objects.map((row) => row.map(String))) {
    if (name === undefined || sql === undefined) continue;
    if (type === "index" || type === "view" || type === "trigger") {
      // An index without text belongs to a PRIMARY KEY or UNIQUE, and comes with its table.
      if (sql !== "null") kinds[type].push({ name, sql });
      continue;
    }
    const own = described.get(name);
    if (own === undefined) continue;
    const made = own[0]?.is_virtual
      ? virtualTable(name, sql, own)
      : ordinaryTable(name, sql, own, keyed.has(name), foreign.get(name) ?? []);
    if ("refused" in made) refused.push(`${name}: ${made.refused}`);
    else if ("table" in made) tables.push(made.table);
    else {
      schema.virtual_tables.push({ name, sql });
      if (made.is_rebuilt) schema.rebuilt.push(name);
    }
  }
  if (refused.length > 0)
    throw new OpsError({
      op: "read the schema of",
      subject: "the database",
      cause: `it has what cannot be copied without loss: ${refused.join("; ")}`,
      hint: "give each of them what is missing, or drop it, by a migration",
    });
  const triggers = schema.triggers.map(({ sql }) => sql.toLowerCase());
  for (const table of tables) {
    table.is_cascading = tables.some(({ foreign_keys }) =>
      foreign_keys.some(({ parent, acts_on_delete }) => acts_on_delete && isNamed(table, parent)),
    );
    table.is_logged = isLogged(table, triggers);
  }
  schema.tables = parentsFirst(tables);
  return { schema, fingerprint };
}

/** The sequences of AUTOINCREMENT tables, exact. */
export async function readSequences(connection: D1Connection, schema: Schema): Promise<Sequence[]> {
  if (!schema.has_sequences) return [];
  const rows = await queryRows(connection, "SELECT name, CAST(seq AS TEXT) FROM sqlite_sequence ORDER BY name");
  return rows.map(([table, last]) => ({ table: String(table), last: BigInt(last ?? 0) }));
}

/** SQL's names ignore the case of ASCII letters. */
export function isNamed(table: { name: string }, name: string): boolean {
  return table.name.toLowerCase() === name.toLowerCase();
}

/** A name as SQL takes it whatever it holds. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

interface DescribedColumn {
  table: string;
  is_virtual: boolean;
  without_rowid: boolean;
  name: string;
  type: string;
  not_null: boolean;
  /** Place in the primary key from 1, 0 for none. */
  key_place: number;
  is_generated: boolean;
  is_hidden: boolean;
}

/** `hidden` of table_xinfo: 1 = of a virtual table, 2 and 3 = generated. https://sqlite.org/pragma.html#pragma_table_xinfo */
function describedColumn(row: Rows["rows"][number]): DescribedColumn {
  const [table, kind, wr, name, type, notNull, pk, hidden] = row;
  return {
    table: String(table),
    is_virtual: kind === "virtual",
    without_rowid: wr === 1,
    name: String(name),
    type: String(type),
    not_null: notNull === 1,
    key_place: Number(pk),
    is_generated: hidden === 2 || hidden === 3,
    is_hidden: hidden === 1,
  };
}

function foreignKeyPart([table, id, parent, from, to, onDelete]: JsonValue[]) {
  return {
    table: String(table),
    id: Number(id),
    parent: String(parent),
    from: String(from),
    to: to === null || to === undefined ? null : String(to),
    acts_on_delete: onDelete !== "NO ACTION" && onDelete !== "RESTRICT",
  };
}

type Made = { table: Table } | { is_rebuilt: boolean } | { refused: string };

function ordinaryTable(
  name: string,
  sql: string,
  described: readonly DescribedColumn[],
  has_key_index: boolean,
  references: readonly ReturnType<typeof foreignKeyPart>[],
): Made {
  const columns = described.filter(({ is_generated }) => !is_generated).map(asColumn);
  const keyColumns = described.filter(({ key_place }) => key_place > 0).sort((a, b) => a.key_place - b.key_place);
  let key = keyColumns.map((column) => column.name);
  const without_rowid = described[0]?.without_rowid === true;
  // One INTEGER key column without an index of its own is the rowid itself.
  const is_rowid_alias = !without_rowid && key.length === 1 && !has_key_index;
  if (!without_rowid && !is_rowid_alias) {
    const rowid = rowidName(described);
    if (rowid === undefined)
      return { refused: "its columns hide the rowid (rowid, oid and _rowid_), and it has no INTEGER PRIMARY KEY" };
    columns.unshift({ name: rowid, is_textual: false });
    // Outside WITHOUT ROWID and STRICT, a primary key may be NULL, many times.
    if (key.length === 0 || keyColumns.some(({ not_null }) => !not_null)) key = [rowid];
  }
  const foreign_keys = [...Map.groupBy(references, ({ id }) => id).values()].map((parts) => ({
    columns: parts.map(({ from }) => from),
    parent: parts[0]?.parent ?? "",
    parent_columns: parts.flatMap(({ to }) => to ?? []),
    acts_on_delete: parts.some(({ acts_on_delete }) => acts_on_delete),
  }));
  const rest = { is_cascading: false, is_logged: false, is_full_text: false };
  return { table: { name, sql, columns, key, foreign_keys, ...rest } };
}

function virtualTable(name: string, sql: string, described: readonly DescribedColumn[]): Made {
  const module = /\bUSING\s+["'`[]?(\w+)/i.exec(sql)?.[1]?.toLowerCase() ?? "";
  if (module === "fts5vocab") return { is_rebuilt: false };
  if (module !== "fts5") return { refused: `virtual table of module ${module}, which keeps its data out of reach` };
  const content = optionOf(sql, "content");
  if (content === "")
    return { refused: "a contentless FTS5 table, whose text is stored nowhere (use content = 'table')" };
  if (content !== undefined) return { is_rebuilt: true };
  const own = described.filter(({ is_hidden }) => !is_hidden);
  const columns = [
    { name: "rowid", is_textual: false },
    ...own.map((column) => ({ ...asColumn(column), is_textual: false })),
  ];
  const rest = { foreign_keys: [], is_cascading: false, is_logged: false, is_full_text: true };
  return { table: { name, sql, columns, key: ["rowid"], ...rest } };
}

/** https://sqlite.org/datatype3.html §3.1: CHAR, CLOB or TEXT, unless INT comes into it. */
function asColumn({ name, type }: DescribedColumn): Column {
  return { name, is_textual: /CHAR|CLOB|TEXT/i.test(type) && !/INT/i.test(type) };
}

function rowidName(described: readonly DescribedColumn[]): string | undefined {
  const taken = new Set(described.map(({ name }) => name.toLowerCase()));
  return ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
}

/** Three triggers, without conditions, that name this table in the log; and a key of its own for them to name. */
function isLogged(table: Table, triggers: readonly string[]): boolean {
  const name = table.name.toLowerCase();
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  // Of a schema's triggers few are a table's own; to try an expression on all of them took longer than to read the schema.
  const own = triggers.filter((text) => text.includes(`'${name}'`));
  const shape = new RegExp(
    `\\bafter\\s+(insert|update|delete)\\s+on\\s+["'\`[]?${escaped}["'\`\\]]?\\s+(?:for\\s+each\\s+row\\s+)?begin\\s[^]*?\\b${CHANGE_LOG}\\b[^]*'${escaped}'`,
  );
  const events = new Set(own.map((text) => shape.exec(text)?.[1]));
  return table.key[0] !== undefined && ["insert", "update", "delete"].every((event) => events.has(event));
}

function parentsFirst(tables: readonly Table[]): Table[] {
  const ordered: Table[] = [];
  const seen = new Set<Table>();
  const visit = (table: Table) => {
    if (seen.has(table)) return;
    seen.add(table);
    for (const { parent } of table.foreign_keys) {
      const found = tables.find((one) => isNamed(one, parent));
      if (found) visit(found);
    }
    ordered.push(table);
  };
  for (const table of tables) visit(table);
  return ordered;
}
