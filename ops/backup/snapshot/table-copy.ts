/**
 * One table on its way into a snapshot: a whole copy or what the snapshot before had, then changes, then what it comes to.
 */
import pMap from "p-map";
import type { D1Connection } from "../../d1/connection.ts";
import { keyOf } from "../../d1/read-by-key.ts";
import { readRows } from "../../d1/read-rows.ts";
import { type Cell, encodeRow, hashRow, type Row } from "../../d1/row-codec.ts";
import type { Table } from "../../d1/schema.ts";
import { TableHash } from "../../d1/table-hash.ts";
import { KEEPERS, LAYER_PART_BYTES, PENDING_BYTES_MAX } from "../../limits.ts";
import type { TableSummary } from "../manifest.ts";
import type { Snapshot, SnapshotWriter } from "../repository/repository.ts";
import { type Change, encodeChanges } from "./frames.ts";
import { HashStore } from "./hash-store.ts";
import { compareKeys } from "./key-order.ts";
import { PartStream } from "./part-stream.ts";
import { RowCutter } from "./row-cutter.ts";
import { asKeyHash, hashKey, type KeyHash } from "./row-hashes.ts";

interface CopyContext {
  writer: SnapshotWriter;
  /** The snapshot that unchanged tables continue; null for a full one. */
  base: Snapshot | null;
  /** A temporary folder. */
  scratch: string;
  /** Hears of rows as they are read, whole or again. */
  on_rows(table: Table, rows: readonly Row[]): void;
  /** Hears of encoded rows, for progress. */
  on_bytes(bytes: number): void;
}

interface PendingChange extends Change {
  cells: readonly Cell[];
}

export class TableCopy {
  readonly table: Table;
  readonly #context: CopyContext;
  readonly #shape: string;
  readonly #kept: TableSummary | null;
  readonly #hashes: HashStore;
  readonly #hash: TableHash;
  readonly #pending = new Map<KeyHash, PendingChange>();
  #pending_bytes = 0;
  #layers: string[][];
  #layer_bytes: number;
  #base: string[];
  #base_bytes: number;
  #ordered: boolean;
  #is_scanned = false;

  /** `kept`: how the base holds the table, if that can be continued; otherwise `copyAll` comes first. */
  constructor(
    context: CopyContext,
    table: Table,
    { shape, kept, place }: { shape: string; kept: TableSummary | null; place: number },
  ) {
    this.#context = context;
    this.table = table;
    this.#shape = shape;
    this.#kept = kept;
    const known = kept && context.base && { snapshot: context.base, parts: kept.hashes };
    this.#hashes = new HashStore(context.writer, known, { folder: context.scratch, name: `table-${place}` });
    this.#hash = new TableHash(kept ?? undefined);
    this.#base = kept?.base ?? [];
    this.#base_bytes = kept?.base_bytes ?? 0;
    this.#layers = kept?.layers ?? [];
    this.#layer_bytes = kept?.layer_bytes ?? 0;
    this.#ordered = kept?.ordered ?? true;
  }

  get is_kept(): boolean {
    return this.#kept !== null;
  }

  /** Reads the whole table by keyset pages while writers work. What no log names afterwards stays of different moments. */
  async copyAll(connection: D1Connection): Promise<void> {
    this.#is_scanned = !this.table.is_logged;
    const parts = new PartStream(this.#context.writer, "rows");
    const cutter = new RowCutter();
    let last: Cell[] | undefined;
    for await (const rows of readRows(connection, this.table)) {
      this.#context.on_rows(this.table, rows);
      for (const row of rows) {
        const key = keyOf(this.table, row);
        if (last !== undefined && this.#ordered && compareKeys(last, key) >= 0) this.#ordered = false;
        last = key;
        const encoded = encodeRow(row);
        this.#context.on_bytes(encoded.length);
        const key_hash = hashKey(encodeRow(key));
        const row_hash = hashRow(encoded);
        this.#hash.add(row_hash);
        await this.#hashes.add(key_hash, row_hash);
        const part = cutter.add(encoded, key_hash);
        if (part !== null) await parts.put(part);
      }
    }
    await this.#endBase(parts, cutter);
  }

  /** The table as one transaction read it, small enough for memory. */
  async copyRows(rows: readonly Row[]): Promise<void> {
    const cutter = new RowCutter();
    const parts = new PartStream(this.#context.writer, "rows");
    this.#context.on_rows(this.table, rows);
    for (const row of rows) {
      const encoded = encodeRow(row);
      const key_hash = hashKey(encodeRow(keyOf(this.table, row)));
      this.#hash.add(hashRow(encoded));
      const part = cutter.add(encoded, key_hash);
      if (part !== null) await parts.put(part);
    }
    await this.#endBase(parts, cutter);
  }

  async #endBase(parts: PartStream, cutter: RowCutter): Promise<void> {
    const rest = cutter.rest();
    if (rest !== null) await parts.put(rest);
    this.#base = await parts.ids();
    this.#base_bytes = parts.bytes;
  }

  /** What is there now under a key; null for nothing. A later call overrides an earlier one. */
  async change(key: readonly Cell[], row: Row | null): Promise<void> {
    const encoded_key = encodeRow(key);
    const id = asKeyHash(hashKey(encoded_key));
    const before = this.#pending.get(id);
    const encoded_row = row && encodeRow(row);
    this.#pending_bytes += (encoded_row?.length ?? 0) - (before?.row?.length ?? 0);
    if (before === undefined) this.#pending_bytes += encoded_key.length;
    this.#pending.set(id, { key: encoded_key, row: encoded_row, cells: key });
    if (row) this.#context.on_rows(this.table, [row]);
    this.#context.on_bytes(encoded_row?.length ?? 0);
    if (this.#pending_bytes > PENDING_BYTES_MAX) await this.#layer();
  }

  /** Writes what is pending and says what the table comes to. Parts of the base that still hold are kept. */
  async finish(): Promise<TableSummary> {
    await this.#layer();
    const kept = this.#kept ? [...this.#kept.base, ...this.#kept.layers.flat(), ...this.#kept.hashes] : [];
    await pMap(kept, (id) => this.#context.writer.keepPart(id), { concurrency: KEEPERS });
    return {
      name: this.table.name,
      shape: this.#shape,
      columns: this.table.columns.map(({ name }) => name),
      key: this.table.key,
      rows: this.#hash.rows,
      digest: this.#hash.digest,
      consistency: this.#is_scanned ? "scanned" : "exact",
      ordered: this.#ordered,
      base: this.#base,
      layers: this.#layers,
      hashes: await this.#hashes.ids(),
      base_bytes: this.#base_bytes,
      layer_bytes: this.#layer_bytes,
    };
  }

  /** Pending changes that are changes indeed, in key order. */
  async #layer(): Promise<void> {
    if (this.#pending.size === 0) return;
    const known = await this.#hashes.find(new Set(this.#pending.keys()));
    const changes: Change[] = [];
    const sorted = [...this.#pending].sort(([, a], [, b]) => compareKeys(a.cells, b.cells));
    for (const [id, { key, row }] of sorted) {
      const before = known.get(id);
      const now = row && hashRow(row);
      if (before === undefined ? now === null : now !== null && before.equals(now)) continue;
      if (before) this.#hash.remove(before);
      if (now) this.#hash.add(now);
      await this.#hashes.add(hashKey(key), now);
      changes.push({ key, row });
    }
    this.#pending.clear();
    this.#pending_bytes = 0;
    if (changes.length === 0) return;
    await this.#hashes.flush();
    const parts = new PartStream(this.#context.writer, "changes");
    for (const part of inParts(changes)) await parts.put(encodeChanges(part));
    this.#layers = [...this.#layers, await parts.ids()];
    this.#layer_bytes += parts.bytes;
  }
}

/** Small parts: a reader holds one of each layer. */
function* inParts(changes: readonly Change[]): Generator<Change[]> {
  let part: Change[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = change.key.length + (change.row?.length ?? 0);
    if (part.length > 0 && bytes + size > LAYER_PART_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(change);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
