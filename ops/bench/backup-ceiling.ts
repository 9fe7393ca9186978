/**
 * The bare ceiling of a backup: what its input and output cost without compressing, encrypting, hashing or checking anything.
 * A process of its own, as the backup is one, so that both share the machine with the platform in the same way.
 *
 * Rows are read as D1 gives them, by keyset, the next page on its way while one is written; objects are read and written the same way.
 */
import pMap from "p-map";
import { liveOf } from "../../infra/outputs.ts";
import { LEFT_OUT } from "../backup/snapshot/database-look.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import type { D1Connection, JsonValue } from "../d1/connection.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { quoted, readSchema, type Table } from "../d1/schema.ts";
import { D1_PAGE_BYTES, OBJECT_READERS, PARTS_UNDER_WAY } from "../limits.ts";
import { locateStack } from "../stack/locate.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import { objectsUnder } from "../storage/storage.ts";

export interface Ceiling {
  bytes: number;
  rows: number;
  seconds: number;
}

const PREFIX = "bench-ceiling/";
const ROW_BYTES = 1_100;

async function measure(dataDir: string): Promise<Ceiling> {
  const { signal } = new AbortController();
  const target = await locateStack("local", dataDir, {}, signal);
  const { account_id, database, buckets, s3 } = await target.resources();
  const connection = restD1(createCloudflare(await target.api(), { signal }), account_id, liveOf(database)?.id ?? "");
  const from = s3Storage({ ...s3, bucket: buckets.vectors, prefix: "" });
  const to = s3Storage({ ...s3, bucket: buckets.backups, prefix: PREFIX });
  const storage = patientStorage(to);
  const schema = await readSchema(connection);
  const began_ms = performance.now();
  const sum = { bytes: 0, rows: 0, seconds: 0 };
  const rows = async () => {
    for (const table of schema.tables) {
      if (LEFT_OUT.some(({ name }) => name === table.name)) continue;
      let number = 0;
      const writing = new Set<Promise<unknown>>();
      for await (const page of pages(connection, table)) {
        const body = Buffer.from(JSON.stringify(page));
        sum.bytes += body.length;
        sum.rows += page.length;
        number += 1;
        const written = storage.create(`${table.name}-${number}`, body, signal).finally(() => writing.delete(written));
        writing.add(written);
        if (writing.size >= PARTS_UNDER_WAY) await Promise.race(writing);
      }
      await Promise.all(writing);
    }
  };
  const objects = async () => {
    const packs = patientStorage(from);
    await pMap(
      objectsUnder(packs, "", signal),
      async ({ key }) => {
        const { body } = await packs.read(key, signal);
        await storage.create(key, body, signal);
        sum.bytes += body.length;
      },
      { concurrency: OBJECT_READERS },
    );
  };
  await Promise.all([rows(), objects()]);
  sum.seconds = (performance.now() - began_ms) / 1000;
  for await (const { key } of objectsUnder(storage, "", signal)) await storage.remove(key, signal);
  from.close();
  to.close();
  return sum;
}

async function* pages(connection: D1Connection, { name, key, columns }: Table): AsyncGenerator<JsonValue[][]> {
  const names = key.map(quoted);
  const list = [
    ...names,
    ...columns.filter((column) => !key.includes(column.name)).map((column) => quoted(column.name)),
  ];
  const limit = Math.floor(D1_PAGE_BYTES / ROW_BYTES);
  const ask = (after: readonly JsonValue[] | null) =>
    connection.batch([
      {
        sql: `SELECT ${list.join(", ")} FROM ${quoted(name)} ${
          after === null ? "" : `WHERE (${names.join(", ")}) > (${after.map(() => "?").join(", ")})`
        } ORDER BY ${names.join(", ")} LIMIT ${limit}`,
        params: after ?? [],
      },
    ]);
  let coming: Promise<{ rows: JsonValue[][] }[]> | null = ask(null);
  while (coming !== null) {
    const rows: JsonValue[][] = (await coming)[0]?.rows ?? [];
    const last = rows.at(-1);
    coming = last === undefined || rows.length < limit ? null : ask(last.slice(0, key.length));
    if (rows.length > 0) yield rows;
  }
}

if (import.meta.main) console.log(JSON.stringify(await measure(process.argv[2] ?? "")));
