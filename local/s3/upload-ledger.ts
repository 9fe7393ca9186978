/**
 * Multipart uploads in progress. R2's binding can neither list them nor name the parts' MD5s, which S3 clients get as
 * ETags; this file can, also after a restart. The parts themselves lie in R2.
 */
import { DatabaseSync } from "node:sqlite";

export interface Upload {
  upload_id: string;
  bucket: string;
  key: string;
  initiated_ms: number;
}

export interface UploadPart {
  part_number: number;
  /** What R2 calls the part. */
  r2_etag: string;
  /** What S3 clients call it. */
  md5: string;
  size_bytes: number;
  uploaded_ms: number;
}

export class UploadLedger {
  readonly #db: DatabaseSync;

  /** `path` is a file, or ":memory:" for an ephemeral platform. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      PRAGMA foreign_keys = ON;
      CREATE TABLE IF NOT EXISTS uploads (
        upload_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, initiated_ms INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS parts (
        upload_id TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE, part_number INTEGER NOT NULL,
        r2_etag TEXT NOT NULL, md5 TEXT NOT NULL, size_bytes INTEGER NOT NULL, uploaded_ms INTEGER NOT NULL,
        PRIMARY KEY (upload_id, part_number))`);
  }

  start(upload: Upload): void {
    const { upload_id, bucket, key, initiated_ms } = upload;
    this.#db.prepare("INSERT INTO uploads VALUES (?, ?, ?, ?)").run(upload_id, bucket, key, initiated_ms);
  }

  get(bucket: string, key: string, upload_id: string): Upload | undefined {
    const row = this.#db
      .prepare("SELECT * FROM uploads WHERE upload_id = ? AND bucket = ? AND key = ?")
      .get(upload_id, bucket, key);
    return row as Upload | undefined;
  }

  /** Uploads of a bucket by key, then by start; those after `after` only. */
  list(bucket: string, prefix: string, after?: { key: string; upload_id: string }): Upload[] {
    const rows = this.#db
      .prepare(
        `SELECT * FROM uploads WHERE bucket = ? AND substr(key, 1, length(?)) = ?
         ORDER BY key, initiated_ms, upload_id`,
      )
      .all(bucket, prefix, prefix) as unknown as Upload[];
    if (!after) return rows;
    const marker = rows.findIndex(({ key, upload_id }) => key === after.key && upload_id === after.upload_id);
    if (marker !== -1) return rows.slice(marker + 1);
    return rows.filter(({ key }) => Buffer.compare(Buffer.from(key), Buffer.from(after.key)) > 0);
  }

  /** Replaces a part uploaded earlier under the same number. */
  putPart(upload_id: string, part: UploadPart): void {
    const { part_number, r2_etag, md5, size_bytes, uploaded_ms } = part;
    this.#db
      .prepare("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)")
      .run(upload_id, part_number, r2_etag, md5, size_bytes, uploaded_ms);
  }

  /** In the order of part numbers. */
  parts(upload_id: string): UploadPart[] {
    const rows = this.#db
      .prepare(
        `SELECT part_number, r2_etag, md5, size_bytes, uploaded_ms FROM parts
         WHERE upload_id = ? ORDER BY part_number`,
      )
      .all(upload_id);
    return rows as unknown as UploadPart[];
  }

  /** After completion or abortion. */
  finish(upload_id: string): void {
    this.#db.prepare("DELETE FROM uploads WHERE upload_id = ?").run(upload_id);
  }

  close(): void {
    this.#db.close();
  }
}
