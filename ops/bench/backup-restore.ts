/**
 * How fast the rows of the newest snapshot come into a new, empty D1 database: rows, indexes, full-text indexes, triggers. A process
 * of its own, so that its memory can be measured. The rest of a restore (vectors, cut-over) has no peer to be compared with.
 */

import { claimedId, keyAtHand } from "../backup/keys-at-hand.ts";
import { readManifest } from "../backup/manifest.ts";
import { locateRepository } from "../backup/place.ts";
import { openRepository } from "../backup/repository/open-repository.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { loadDatabase } from "../restore/load-database.ts";
import { locateStack } from "../stack/locate.ts";

export interface RowsRestored {
  rows: number;
  seconds: number;
  /** Of these: full-text indexes made anew. */
  full_text_seconds: number;
}

async function measure(data_dir: string): Promise<RowsRestored> {
  const { signal } = new AbortController();
  const target = await locateStack("local", data_dir, {}, signal);
  const address = await target.api();
  const { account_id } = address;
  const api = createCloudflare(address, { signal });
  const { uuid = "" } = await api.d1.database.create({ account_id, name: "bench-restore" });
  const place = await locateRepository(undefined, async () => target, {});
  const id = (await claimedId(place.storage, signal)) ?? "";
  const key = await keyAtHand(place.storage, id, { key_files: [], data_dir, env: {}, signal });
  const repository = await openRepository(place.storage, key, { signal });
  const began_ms = performance.now();
  const snapshot = await repository.openSnapshot("latest");
  const manifest = await readManifest(snapshot);
  const connection = restD1(api, account_id, uuid);
  let step_began_ms = 0;
  let full_text_ms = 0;
  let isFullText = false;
  const on_step = (step: string) => {
    const now_ms = performance.now();
    if (isFullText) full_text_ms += now_ms - step_began_ms;
    isFullText = step.startsWith("full-text");
    step_began_ms = now_ms;
  };
  await loadDatabase(snapshot, manifest, connection, { signal, on_step });
  const seconds = (performance.now() - began_ms) / 1000;
  await repository.close();
  place.close();
  await api.d1.database.delete(uuid, { account_id });
  return { rows: manifest.summary.database.rows, seconds, full_text_seconds: full_text_ms / 1000 };
}

if (import.meta.main) console.log(JSON.stringify(await measure(process.argv[2] ?? "")));
