/** A restored database beside the snapshot that it came from: rows by hash, definitions, sequences, full-text indexes. */

import type { SnapshotBody, TableSummary } from "../backup/manifest.ts";
import { asOpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { quoted, readSchema, readSequences, type Schema } from "../d1/schema.ts";
import { hashTable } from "../d1/table-hash.ts";
import { isFenceTrigger } from "../generation/fence.ts";
import type { FailedCheck } from "./derived-checks.ts";
import { type LoadHooks, snapshotSchema } from "./load-database.ts";

/** What a manifest says of a database's content. */
interface DescribedDatabase {
  inventory: { database: { tables: Pick<TableSummary, "name" | "rows" | "digest">[] } };
  body: Pick<SnapshotBody, "database">;
}

export interface DatabaseComparison {
  tables: number;
  rows: number;
  full_text_indexes: number;
  /** What differs, in words; empty when all is as it was. */
  differences: string[];
  /** Of what is made from the rows. */
  failed_checks: FailedCheck[];
}

/** Reads every row. @throws OpsError in D1's words. */
export async function compareDatabase(
  connection: D1Connection,
  manifest: DescribedDatabase,
  { signal, on_rows }: Pick<LoadHooks, "signal" | "on_rows">,
): Promise<DatabaseComparison> {
  const wanted = snapshotSchema(manifest);
  const result: DatabaseComparison = {
    tables: 0,
    rows: 0,
    full_text_indexes: 0,
    differences: differentDefinitions(wanted, await readSchema(connection)),
    failed_checks: [],
  };
  for (const held of manifest.inventory.database.tables) {
    signal.throwIfAborted();
    const table = wanted.tables.find(({ name }) => name === held.name);
    if (table === undefined) continue;
    const hash = await hashTable(connection, table);
    if (hash.rows !== held.rows) result.differences.push(`${held.name} has ${hash.rows} rows instead of ${held.rows}`);
    else if (hash.digest !== held.digest) result.differences.push(`${held.name} holds other rows`);
    result.tables += 1;
    result.rows += hash.rows;
    on_rows?.(result.rows);
  }
  const sequences = new Map((await readSequences(connection, wanted)).map(({ table, last }) => [table, String(last)]));
  for (const { table, seq } of manifest.body.database.sequences) {
    const last = sequences.get(table) ?? "nothing";
    if (last !== seq) result.differences.push(`the sequence of ${table} is at ${last} instead of ${seq}`);
  }
  for (const name of wanted.rebuilt) {
    result.failed_checks.push(...(await faultsOfFullText(connection, name)));
    result.full_text_indexes += 1;
  }
  return result;
}

/** What `found` lacks of `wanted`, or has beyond it, in words; a write fence is no difference. */
export function differentDefinitions(wanted: Schema, found: Schema): string[] {
  const kinds = ["tables", "virtual_tables", "indexes", "views", "triggers"] as const;
  return kinds.flatMap((kind) => {
    const there = new Map(found[kind].filter((one) => !isFenceTrigger(one)).map(({ name, sql }) => [name, sql]));
    const missing = wanted[kind].filter(({ name, sql }) => there.get(name) !== sql).map(({ name }) => name);
    const names = new Set(wanted[kind].map(({ name }) => name));
    const surplus = [...there.keys()].filter((name) => !names.has(name));
    return [
      ...(missing.length > 0 ? [`${kind} missing or otherwise defined: ${missing.join(", ")}`] : []),
      ...(surplus.length > 0 ? [`${kind} too many: ${surplus.join(", ")}`] : []),
    ];
  });
}

/**
 * FTS5's own comparison of every word of the index with every word of its content: what a document says plays no part in it.
 * https://sqlite.org/fts5.html#the_integrity_check_command
 */
export async function faultsOfFullText(connection: D1Connection, name: string): Promise<FailedCheck[]> {
  const index = quoted(name);
  const check = `INSERT INTO ${index} (${index}, rank) VALUES ('integrity-check', 1)`;
  return connection.batch([{ sql: check }], { repeatable: true }).then(
    () => [],
    (error: unknown) => [
      {
        check: "full-text",
        finding: `index ${name} does not agree with its content: ${asOpsError(error).parts.cause}`,
      },
    ],
  );
}
