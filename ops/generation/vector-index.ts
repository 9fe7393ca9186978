/** A Vectorize index over its REST API, in bulk. */
import { portions } from "../../worker/ground/portions.ts";
import type { IndexEntry } from "../../worker/vectors/index-entry.ts";
import {
  VECTOR_DELETE_IDS,
  VECTOR_GET_IDS,
  VECTOR_LIST_PAGE,
  VECTOR_UPLOAD_BYTES,
  VECTOR_UPLOAD_VECTORS,
} from "../limits.ts";
import type { StoreSession } from "./stores.ts";

/** An entry as Vectorize gives it back. */
export interface FoundVector {
  id: string;
  values: number[];
  namespace?: string;
  metadata?: object;
}

export class VectorIndex {
  readonly name: string;
  readonly #session: Pick<StoreSession, "api" | "account_id">;

  constructor(session: Pick<StoreSession, "api" | "account_id">, name: string) {
    this.#session = session;
    this.name = name;
  }

  /** Writes entries, replacing those with the same id. Accepted when it returns, visible later. */
  async upsert(entries: readonly IndexEntry[]): Promise<void> {
    let lines: string[] = [];
    let bytes = 0;
    const send = async () => {
      if (lines.length === 0) return;
      const body = new File([lines.join("\n")], "vectors.ndjson");
      await this.#indexes.upsert(this.name, { ...this.#account, body });
      lines = [];
      bytes = 0;
    };
    for (const entry of entries) {
      const line = JSON.stringify({ ...entry, values: Array.from(entry.values, shortest) });
      if (lines.length === VECTOR_UPLOAD_VECTORS || bytes + line.length > VECTOR_UPLOAD_BYTES) await send();
      lines.push(line);
      bytes += Buffer.byteLength(line) + 1;
    }
    await send();
  }

  /** Deletes entries, as far as they are there. Accepted when it returns, visible later. */
  async delete(ids: readonly string[]): Promise<void> {
    for (const part of portions(ids, VECTOR_DELETE_IDS)) {
      await this.#indexes.deleteByIDs(this.name, { ...this.#account, ids: part });
    }
  }

  /** Ids of everything that is visible. */
  async ids(): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const page of this.pagesOfIds()) for (const id of page) ids.add(id);
    return ids;
  }

  /** The same, up to `VECTOR_LIST_PAGE` at a time. */
  async *pagesOfIds(): AsyncGenerator<string[]> {
    let cursor: string | undefined;
    do {
      const page = await this.#indexes.listVectors(this.name, {
        ...this.#account,
        count: VECTOR_LIST_PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      yield (page?.vectors ?? []).map(({ id }) => id);
      cursor = page?.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** At most `VECTOR_GET_IDS` entries, as Vectorize gives them. */
  async get(ids: readonly string[]): Promise<FoundVector[]> {
    const found = await this.#indexes.getByIDs(this.name, { ...this.#account, ids: ids.slice(0, VECTOR_GET_IDS) });
    return (found ?? []) as FoundVector[];
  }

  get #indexes() {
    return this.#session.api.vectorize.indexes;
  }

  get #account() {
    return { account_id: this.#session.account_id };
  }
}

/** Nine digits tell any two float32 apart; a double's seventeen would double the upload. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}
