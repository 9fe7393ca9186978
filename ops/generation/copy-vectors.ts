/**
 * Fills a vector index from the packs in R2, by the rows of the database, while the service works: at the speed of R2, with
 * no text embedded again and without Vectorize's slow read-out. What changes meanwhile follows by the change log.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { IndexEntry } from "../../worker/vectors/index-entry.ts";
import { OpsError } from "../command/errors.ts";
import { SETTLE_POLL_MS, VECTOR_GET_IDS, VECTOR_ROUNDS_MAX, VECTORS_VISIBLE_MAX_MS } from "../limits.ts";
import { whileWaiting } from "../waits.ts";
import type { FillState, VectorsFill, VectorsFilling } from "./fill.ts";
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

/** A new index with a vector for every chunk that has one. */
export const fromPacks: VectorsFill = {
  id: "packs",
  name: "vectors of the packs",
  async prepare(filling) {
    const { state, database } = filling;
    const filler = new Filler(filling);
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
  finish: catchUpOnly,
  settle: settleAndCompare,
};

/** An index that was live until `seq` of the database's change log, brought up to date. */
export function indexSince(seq: number): VectorsFill {
  return {
    id: `replay ${seq}`,
    name: `changes of the database since ${seq}`,
    async prepare(filling) {
      filling.state.seq ??= seq;
      const filler = new Filler(filling);
      await filler.catchUp();
      await filler.removeOrphans();
      return { vectors: await filler.parity() };
    },
    finish: catchUpOnly,
    settle: settleAndCompare,
  };
}

/** Accepted is enough here: visible is what every write of the service becomes a moment later, too. */
async function catchUpOnly(filling: VectorsFilling) {
  return { last_round_vectors: await new Filler(filling).catchUp() };
}

/** Requests of the old version may have told the old index of a chunk when the new one was filled already. */
async function settleAndCompare(filling: VectorsFilling) {
  const filler = new Filler(filling);
  const late_vectors = await filler.catchUp();
  return { late_vectors, vectors: await filler.parity() };
}

class Filler {
  readonly #filling: VectorsFilling;
  readonly #state: FillState;
  readonly #index: VectorIndex;

  constructor(filling: VectorsFilling) {
    this.#filling = filling;
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
          `${missing.length} vectors are missing (${missing.slice(0, 3)}), ${surplus.length} too many (${surplus.slice(0, 3)})`,
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

  #entries(rows: readonly VectorRow[]): Promise<IndexEntry[]> {
    const { session, target } = this.#filling;
    return packedEntries(session.bucket, rows, target.dimensions, session.steady);
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
