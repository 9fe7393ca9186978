/**
 * The state of a live SQLite database at one moment, held fast while writers write on, and copied as files.
 *
 * While somebody reads, SQLite writes nothing into the file that is not in the write-ahead log, too, and begins the log anew only if the file
 * has all of it and stays as it is (https://sqlite.org/walformat.html, "Reader marks"). So the file, and as much of its log as was valid when
 * the reader began, are that reader's state, however late they are copied. Three times as fast as SQLite's backup API, which goes page by page.
 */
import { closeSync, existsSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { copyFile, truncate } from "node:fs/promises";
import { endianness } from "node:os";
import { DatabaseSync } from "node:sqlite";

export interface HeldDatabase {
  /** Writes it into a new file, whole, and lets go of it. A database that was never written is an empty file. */
  copyTo(target: string): Promise<void>;
}

/** Holds until `copyTo` ends. @throws in SQLite's words. */
export function hold(file: string): HeldDatabase {
  if (!existsSync(file)) return { copyTo: async (target) => writeFileSync(target, "") };
  const reader = new DatabaseSync(file, { readOnly: true });
  try {
    reader.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
    const log = { header: logHeader(file), bytes: validLogBytes(file) };
    return {
      async copyTo(target) {
        try {
          await copyFile(file, target);
          if (log.header !== null && log.bytes > 0) {
            await copyFile(`${file}-wal`, `${target}-wal`);
            // Begun anew since then: the file has all that was in it.
            if (logHeader(file) === log.header) await truncate(`${target}-wal`, log.bytes);
            else rmSync(`${target}-wal`);
          }
        } finally {
          reader.close();
        }
        const copy = new DatabaseSync(target);
        // Not to the disk: the platform promises no more than its process.
        copy.exec("PRAGMA synchronous = off; PRAGMA wal_checkpoint(TRUNCATE)");
        copy.close();
      },
    };
  } catch (error) {
    reader.close();
    throw error;
  }
}

const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The log's index begins with two copies of its header; only while they are equal is it whole. */
const INDEX_HEADER_BYTES = 48;
/** A writer is done with both within microseconds. */
const INDEX_READS_MAX = 10_000;

/** Its salts are others each time the log is begun; null while there is no log. */
function logHeader(file: string): string | null {
  return beginning(`${file}-wal`, LOG_HEADER_BYTES)?.toString("hex") ?? null;
}

/** Committed frames and the header (https://sqlite.org/walformat.html, "The WAL-Index Header"). 0: the file has everything. */
function validLogBytes(file: string): number {
  for (let reads = 0; reads < INDEX_READS_MAX; reads++) {
    const index = beginning(`${file}-shm`, 2 * INDEX_HEADER_BYTES);
    if (index === null) return 0;
    if (!index.subarray(0, INDEX_HEADER_BYTES).equals(index.subarray(INDEX_HEADER_BYTES))) continue;
    const page_bytes = nativeUint(index, 14, 2);
    const frames = nativeUint(index, 16, 4);
    // 65536 does not fit into two bytes, and is 1 there.
    return frames === 0
      ? 0
      : LOG_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + (page_bytes === 1 ? 65_536 : page_bytes));
  }
  throw new Error(`${file}-shm is half written: its writer died in that moment`);
}

/** The index is in the machine's own byte order. */
function nativeUint(bytes: Buffer, at: number, length: number): number {
  return endianness() === "LE" ? bytes.readUIntLE(at, length) : bytes.readUIntBE(at, length);
}

function beginning(path: string, bytes: number): Buffer | null {
  if (!existsSync(path)) return null;
  const file = openSync(path, "r");
  try {
    const read = Buffer.alloc(bytes);
    readSync(file, read);
    return read;
  } finally {
    closeSync(file);
  }
}
