/**
 * Fills a vector index from the packs in R2, by the rows of the database, while the service works: at the speed of R2 and
 * without Vectorize's slow read-out, with no text embedded again but for another model. What changes meanwhile follows by the change log.
 */
import { setTimeout as pause } from "node:timers/promises";
import { counted } from "../../worker/ground/counted.ts";
import type { IndexEntry } from "../../worker/vectors/index-entry.ts";
import { OpsError } from "../command/errors.ts";
import { SETTLE_POLL_MS, VECTOR_GET_IDS, VECTOR_ROUNDS_MAX, VECTORS_VISIBLE_MAX_MS } from "../limits.ts";
import { whileWaiting } from "../waits.ts";
import type { FillState, VectorsFill, VectorsFilling } from "./fill.ts";
import type { OtherModel } from "./other-model.ts";
import { VectorIndex } from "./vector-index.ts";
import {
  changedChunks,
  changedVectors,
  changeLogHead,
  namedVectors,
  packedEntries,
  type VectorRow,
  vectorIds,
  vectorRows,
} from "./vector-rows.ts";

/** A new index with a vector for every chunk that has one: that of its pack, or that of `other` where another model takes over. */
export function newIndex(other: OtherModel | null): VectorsFill {
  return {
    id: other === null ? "packs" : `embed ${other.model.id}`,
    name: other === null ? "vectors of the packs" : `vectors of all texts by ${other.model.id}`,
    async prepare(filling) {
      const { state, database } = filling;
      const filler = new Filler(filling, other);
      state.seq ??= await changeLogHead(database);
      await filling.save();
      if (state.copied !== true) {
        await filler.copyAll();
        state.copied = true;
        await filling.save();
      }
      await filler.catchUp();
      return { vectors: await filler.parity() };
    },
    ...endings(other),
  };
}

/** With a vector for every chunk that has one, out of its pack. */
export const fromPacks = newIndex(null);

/** An index that was live until `seq` of the database's change log, brought up to date; with `other`, by the model that it was made with. */
export function indexSince(seq: number, other: OtherModel | null): VectorsFill {
  return {
    id: `replay ${seq}${other === null ? "" : ` embed ${other.model.id}`}`,
    name: `changes of the database since ${seq}${other === null ? "" : `, by ${other.model.id}`}`,
    async prepare(filling) {
      filling.state.seq ??= seq;
      const filler = new Filler(filling, other);
      // Before writers wait: every chunk needs a place of the earlier model, also those that did not change.
      if (other !== null) for await (const rows of vectorRows(filling.database)) await other.placed(filling, rows);
      await filler.catchUp();
      await filler.removeOrphans();
      return { vectors: await filler.parity() };
    },
    ...endings(other),
  };
}

function endings(other: OtherModel | null): Pick<VectorsFill, "finish" | "settle"> {
  return {
    /** Accepted is enough here: visible is what every write of the service becomes a moment later, too. */
    async finish(filling) {
      const last_round_vectors = await new Filler(filling, other).catchUp();
      await other?.record(filling);
      return { last_round_vectors };
    },
    /** Requests of the old version may have told the old index of a chunk when the new one was filled already. */
    async settle(filling) {
      const filler = new Filler(filling, other);
      const late_vectors = await filler.catchUp();
      return { late_vectors, vectors: await filler.parity() };
    },
  };
}

class Filler {
  readonly #filling: VectorsFilling;
  readonly #state: FillState;
  readonly #index: VectorIndex;
  readonly #other: OtherModel | null;

  constructor(filling: VectorsFilling, other: OtherModel | null) {
    this.#filling = filling;
    this.#other = other;
    this.#state = filling.state;
    this.#index = new VectorIndex(filling.session, filling.target.name);
  }

  async copyAll(): Promise<void> {
    const { database, progress } = this.#filling;
    progress.start("vectors", (await vectorIds(database)).size);
    let done = 0;
    for await (const rows of vectorRows(database, this.#state.after_id)) {
      this.#filling.signal.throwIfAborted();
      await this.#upsert(rows);
      done += rows.length;
      progress.update(done);
      this.#state.after_id = rows.at(-1)?.id ?? 0;
      await this.#filling.save();
    }
    progress.stop();
  }

  /** Returns how many vectors changed. */
  async catchUp(): Promise<number> {
    let changed = 0;
    for (let round = 0; round < VECTOR_ROUNDS_MAX; round += 1) {
      const { rows, gone, seq } = await changedVectors(this.#filling.database, this.#state.seq ?? 0);
      await this.#upsert(rows);
      await this.#index.delete(gone);
      changed += rows.length + gone.length;
      this.#state.seq = seq;
      if (rows.length + gone.length === 0) break;
    }
    await this.#filling.save();
    return changed;
  }

  /** Removes what writers that broke off left in the index while it was live: no entry of the log tells of it. */
  async removeOrphans(): Promise<void> {
    await this.#index.delete((await this.#differences()).surplus);
  }

  /**
   * Compares ids with the database's, and a sample whole. What differs must have changed since the last catch-up, and then
   * the log says so; mutations under way become visible within seconds.
   * @throws OpsError when ids differ for long although nothing changed them.
   */
  parity(): Promise<number> {
    const shown = `the index ${this.#index.name} to show what was written`;
    return whileWaiting({ for: shown, limit_ms: VECTORS_VISIBLE_MAX_MS }, () => this.#settled());
  }

  async #settled(): Promise<number> {
    const { session } = this.#filling;
    const until_ms = session.now() + VECTORS_VISIBLE_MAX_MS;
    for (;;) {
      const { wanted, explained, missing, surplus } = await this.#differences();
      if (missing.length + surplus.length === 0) {
        await this.#sample([...wanted.difference(explained)]);
        return wanted.size;
      }
      if (session.now() > until_ms) {
        throw unequal(
          this.#index.name,
          `${counted(missing.length, "vector")} missing (${missing.slice(0, 3)}), ${surplus.length} too many (${surplus.slice(0, 3)})`,
        );
      }
      await pause(SETTLE_POLL_MS, undefined, { signal: session.steady });
    }
  }

  /** Between the index and the database, without those that changes since the last catch-up explain. */
  async #differences() {
    const { database } = this.#filling;
    const [there, wanted] = [await this.#index.ids(), await vectorIds(database)];
    const explained = await changedChunks(database, this.#state.seq ?? 0);
    const missing = [...wanted.difference(there).difference(explained)];
    const surplus = [...there.difference(wanted).difference(explained)];
    return { wanted, explained, missing, surplus };
  }

  async #upsert(rows: readonly VectorRow[]): Promise<void> {
    await this.#index.upsert(await this.#entries(rows));
  }

  async #entries(rows: readonly VectorRow[]): Promise<IndexEntry[]> {
    const { session, target } = this.#filling;
    const placed = (await this.#other?.placed(this.#filling, rows)) ?? rows;
    return packedEntries(session.bucket, placed, target.dimensions, session.steady);
  }

  /** Values and namespaces of a few, spread over all. */
  async #sample(ids: readonly string[]): Promise<void> {
    const step = Math.max(1, Math.floor(ids.length / VECTOR_GET_IDS));
    const chosen = ids.filter((_, index) => index % step === 0).slice(0, VECTOR_GET_IDS);
    const rows = await namedVectors(this.#filling.database, chosen);
    const wanted = await this.#entries(rows);
    const found = new Map((await this.#index.get(chosen)).map((vector) => [vector.id, vector]));
    for (const { id, namespace, values } of wanted) {
      const vector = found.get(id);
      // Gone since, or on its way: the ids were right.
      if (vector === undefined) continue;
      const same =
        vector.namespace === namespace && vector.values.every((value, place) => Math.fround(value) === values[place]);
      if (!same) throw unequal(this.#index.name, `vector ${id} has other values or another namespace`);
    }
  }
}

function unequal(name: string, cause: string): OpsError {
  return new OpsError({
    op: "verify",
    subject: name,
    cause,
    hint: "npm run ops -- generation cancel, then begin again, and report it if it recurs",
  });
}
