/**
 * The directory of a ZIP file: names and sizes of what is inside, without inflating anything. Pure.
 *
 * Office, OpenDocument and EPUB files are ZIP files. What is read here is what their reader goes by, too, so that a bomb is
 * known by what it announces; whoever inflates must still hold it to that. Format: APPNOTE.TXT 4.3 of PKWARE.
 */

export interface ZipEntry {
  name: string;
  /** 0: stored; 8: deflated. */
  method: number;
  compressed_bytes: number;
  /** As the directory announces it. */
  bytes: number;
  /** Where its local header begins. */
  offset: number;
}

const DIRECTORY_END = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
/** A comment may follow the end of the directory. */
const COMMENT_BYTES_MAX = 0xffff;
/** Of a size or offset that stands elsewhere, as in archives of more than 4 GB. */
const ELSEWHERE = 0xffffffff;

/** The entries, `entries_max` at most; null for what is no ZIP file, damaged, encrypted, or has more entries. */
export function readZipDirectory(bytes: Uint8Array, entries_max: number): ZipEntry[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = directoryEnd(view);
  if (end === null) return null;
  const count = view.getUint16(end + 10, true);
  if (count > entries_max) return null;
  const entries: ZipEntry[] = [];
  const decoder = new TextDecoder();
  let at = view.getUint32(end + 16, true);
  for (let index = 0; index < count; index += 1) {
    if (at + ENTRY_BYTES > end || view.getUint32(at, true) !== DIRECTORY_ENTRY) return null;
    const isEncrypted = (view.getUint16(at + 8, true) & 1) === 1;
    const entry = {
      method: view.getUint16(at + 10, true),
      compressed_bytes: view.getUint32(at + 20, true),
      bytes: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    const { compressed_bytes, bytes: size, offset } = entry;
    if (isEncrypted || [compressed_bytes, size, offset].includes(ELSEWHERE)) return null;
    const name_bytes = view.getUint16(at + 28, true);
    const name = decoder.decode(bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + name_bytes));
    entries.push({ name, ...entry });
    at += ENTRY_BYTES + name_bytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

function directoryEnd(view: DataView): number | null {
  const first = Math.max(0, view.byteLength - END_BYTES - COMMENT_BYTES_MAX);
  for (let at = view.byteLength - END_BYTES; at >= first; at -= 1)
    if (view.getUint32(at, true) === DIRECTORY_END) return at;
  return null;
}
