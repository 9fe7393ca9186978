/** What is inside an archive, inflated no further than it announced: that sum was checked before (`fileFlaw`). */
import { posix } from "node:path";
import { inflateRawSync } from "node:zlib";
import { FILE_ENTRIES_MAX } from "../../worker/limits.ts";
import { readZipDirectory, type ZipEntry } from "../../worker/rag/ingest/zip-directory.ts";
import { Refused } from "./parser.ts";

const DEFLATED = 8;
/** Bytes of a local header before its name: APPNOTE.TXT 4.3.7. */
const HEADER_BYTES = 30;

/** Reads entries by name; undefined for a name that is not there. */
export function openArchive(bytes: Uint8Array): {
  names: ReadonlySet<string>;
  read: (name: string) => Buffer | undefined;
} {
  const entries = new Map((readZipDirectory(bytes, FILE_ENTRIES_MAX) ?? []).map((entry) => [entry.name, entry]));
  return {
    names: new Set(entries.keys()),
    read: (name) => {
      const entry = entries.get(name);
      return entry && inflate(bytes, entry);
    },
  };
}

/** The entry that `address`, as a part writes it, leads to: by its characters, else by what is percent-encoded in them. */
export function linkedEntry(names: ReadonlySet<string>, part: string, address: string): string {
  const written = posix.resolve("/", posix.dirname(part), address).slice(1);
  if (names.has(written)) return written;
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}

/** Holds every entry to what it announces, for parsers that inflate by themselves. @throws Refused where one is more. */
export function checkArchive(bytes: Uint8Array): void {
  const { names, read } = openArchive(bytes);
  for (const name of names) read(name);
}

function inflate(bytes: Uint8Array, { name, method, compressed_bytes, bytes: size, offset }: ZipEntry): Buffer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (offset + HEADER_BYTES > bytes.length) throw new Refused("is damaged");
  const start = offset + HEADER_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  const raw = bytes.subarray(start, start + compressed_bytes);
  if (method !== DEFLATED) return Buffer.from(raw);
  try {
    // One byte would be allowed even for an empty entry: Node.js takes no limit of 0.
    return inflateRawSync(raw, { maxOutputLength: Math.max(1, size) });
  } catch {
    throw new Refused(`holds more in ${name} than it announces, or is damaged`);
  }
}
