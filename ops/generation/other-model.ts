/**
 * Vectors of another model for the chunks of a database: taken from packs that were made with it before, else embedded now. A chunk's hash
 * says which vector is its own, so a text is embedded once however often a fill begins again, and the way back embeds nothing that it had.
 *
 * The live database never points to them: the places of all chunks change in the one that takes over, while writers wait.
 */
import pMap from "p-map";
import { portions } from "../../worker/ground/portions.ts";
import type { Embedder } from "../../worker/vectors/embed.ts";
import { type Embeddable, embedToPack } from "../../worker/vectors/embed-to-pack.ts";
import type { EmbeddingModel } from "../../worker/vectors/models.ts";
import { decodePack } from "../../worker/vectors/vector-pack.ts";
import { REPEATABLE } from "../cloudflare/api.ts";
import { OpsError } from "../command/errors.ts";
import { queryRows, queryTexts } from "../d1/query.ts";
import { PACK_READERS, TEXTS_PER_PACK, VECTOR_ROWS_PER_PAGE } from "../limits.ts";
import { absent, alreadyThere } from "../storage/storage.ts";
import type { VectorsFilling } from "./fill.ts";
import type { StoreSession } from "./stores.ts";
import { changeLogHead, type VectorRow } from "./vector-rows.ts";

interface Place {
  object_key: string;
  pack_slot: number;
}

/** Workers AI over Cloudflare's REST API. */
export function restEmbedder({ api, account_id }: Pick<StoreSession, "api" | "account_id">): Embedder {
  return {
    async run(model, inputs) {
      // The SDK's own method would escape the slashes of a model's id.
      const path = `/accounts/${account_id}/ai/run/${model}`;
      const { result } = (await api.post(path, { body: inputs, ...REPEATABLE })) as { result: { data?: unknown } };
      return result;
    },
  };
}

export class OtherModel {
  readonly model: EmbeddingModel;
  /** By the hash of a chunk; null until they are asked for. */
  #places: Map<string, Place> | null = null;
  readonly #counts = new Map<string, number>();

  constructor(model: EmbeddingModel) {
    this.model = model;
  }

  /** The rows with places of this model; without those whose chunk has gone. @throws OpsError in the words of AI, R2 or D1. */
  async placed(filling: VectorsFilling, rows: readonly VectorRow[]): Promise<VectorRow[]> {
    const { vector_space } = this.model;
    if (rows.every(({ embedding_model }) => embedding_model === vector_space)) return [...rows];
    this.#places ??= await this.#known(filling);
    const places = this.#places;
    const unknown = rows.filter((row) => row.embedding_model !== vector_space && !places.has(row.content_hash));
    const ids = [...new Map(unknown.map(({ content_hash, id }) => [content_hash, id])).values()];
    for (const part of portions(ids, TEXTS_PER_PACK)) {
      filling.signal.throwIfAborted();
      await this.#embed(filling, part);
    }
    return rows.flatMap((row) => {
      if (row.embedding_model === vector_space) return [row];
      const place = places.get(row.content_hash);
      return place === undefined ? [] : [{ ...row, ...place, embedding_model: vector_space }];
    });
  }

  /** Writes into the database that takes over where its chunks' vectors are. @throws OpsError when one has none. */
  async record(filling: VectorsFilling): Promise<void> {
    const { next, state, now, target } = filling;
    const { vector_space } = this.model;
    if (next === null) throw new Error("another model needs another database: its places are in rows");
    const foreign = `SELECT c.id, c.content_hash FROM chunks c JOIN packs p ON p.id = c.pack_id
      WHERE c.id > ?1 AND p.embedding_model <> ?2 ORDER BY c.id LIMIT ${VECTOR_ROWS_PER_PAGE}`;
    for (let after = 0; ; ) {
      const rows = await queryRows(next, foreign, [after, vector_space]);
      if (rows.length === 0) break;
      this.#places ??= await this.#known(filling);
      const places = rows.map(([id, hash]) => ({ id, ...this.#placeOf(String(hash), Number(id), target.name) }));
      const packs = [...new Set(places.map(({ object_key }) => object_key))];
      const named = packs.map((key) => ({ key, count: this.#counts.get(key) ?? 0 }));
      await next.batch(
        [
          {
            sql: `INSERT INTO packs (object_key, embedding_model, dimensions, vector_count, created_at_ms)
              SELECT value ->> 'key', ?2, ?3, value ->> 'count', ?4 FROM json_each(?1) WHERE true
              ON CONFLICT (object_key) DO NOTHING`,
            params: [JSON.stringify(named), vector_space, target.dimensions, now()],
          },
          {
            sql: `UPDATE chunks SET pack_id = (SELECT id FROM packs WHERE object_key = new.value ->> 'object_key'),
                pack_slot = new.value ->> 'pack_slot'
              FROM json_each(?1) AS new WHERE chunks.id = new.value ->> 'id'`,
            params: [JSON.stringify(places)],
          },
        ],
        { repeatable: true },
      );
      after = Number(rows.at(-1)?.[0]);
    }
    // What was recorded here is in the index already.
    state.seq = await changeLogHead(next);
    await filling.save();
  }

  #placeOf(hash: string, id: number, index: string): Place {
    const place = this.#places?.get(hash);
    if (place !== undefined) return place;
    throw new OpsError({
      op: "fill",
      subject: index,
      cause: `chunk ${id} has no vector of ${this.model.id}, although writers wait`,
      hint: "repeat the command: it goes on; report it if it recurs",
    });
  }

  /** What the database's packs of this model hold, whether chunks point there or not, and those of an interrupted fill. */
  async #known({ database, session, state, target }: VectorsFilling): Promise<Map<string, Place>> {
    const sql = "SELECT object_key FROM packs WHERE embedding_model = ?1 AND dimensions = ?2";
    const stored = await queryTexts(database, sql, [this.model.vector_space, target.dimensions]);
    const keys = new Set([...stored, ...(state.packs ?? [])]);
    const places = new Map<string, Place>();
    await pMap(
      keys,
      async (object_key) => {
        const object = await session.bucket.read(object_key, session.steady).catch(absent);
        // One that is damaged helps nobody: its texts are embedded again.
        const pack = object && (await decodePack(object.body).catch(() => undefined));
        this.#counts.set(object_key, pack?.count ?? 0);
        for (const [pack_slot, { content_hash }] of (pack?.entries ?? []).entries())
          places.set(content_hash, { object_key, pack_slot });
      },
      { concurrency: PACK_READERS },
    );
    return places;
  }

  /** Embeds what these chunks say, as far as they are still there, into one pack. */
  async #embed(filling: VectorsFilling, ids: readonly number[]): Promise<void> {
    const { database, session, state } = filling;
    const sql = `SELECT title, heading, text, content_hash FROM chunks WHERE id IN (SELECT value FROM json_each(?1))`;
    const rows = await queryRows(database, sql, [JSON.stringify(ids)]);
    const chunks = rows.map((row): Embeddable => {
      const [title = "", heading = "", text = "", content_hash = ""] = row.map(String);
      return { title, heading, text, content_hash };
    });
    const packs = {
      // A pack's key says what is in it: one that exists is the same.
      put: (key: string, bytes: Uint8Array) => session.bucket.create(key, bytes, session.steady).catch(alreadyThere),
    };
    const made = await embedToPack({ ai: restEmbedder(session), packs }, this.model, chunks);
    if (made === null) return;
    const { object_key, vector_count } = made.pack;
    this.#counts.set(object_key, vector_count);
    for (const [pack_slot, { content_hash }] of chunks.entries())
      this.#places?.set(content_hash, { object_key, pack_slot });
    state.packs = [...(state.packs ?? []), object_key];
    await filling.save();
  }
}
