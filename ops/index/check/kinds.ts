/** The kinds of disparity between rows, full text, packs and vectors: what each is, and what mends it. */
import { INDEX_CHECK_IDS_MAX, INDEX_CHECK_SAMPLE } from "../../limits.ts";

/** How a kind is mended. `source`: only whoever has the document can. */
type Remedy = "rows" | "full-text" | "embed" | "vector" | "source";

export const KINDS = {
  "document-lacks-chunk": { remedy: "source", is: "documents list chunks that have no row" },
  "document-awaits-source": { remedy: "source", is: "documents were found damaged, and wait to be written again" },
  "document-token-count": { remedy: "rows", is: "documents count other tokens than their chunks" },
  "chunk-unlisted": { remedy: "rows", is: "chunks are in no document's list" },
  "chunk-title": { remedy: "rows", is: "chunks carry another title than their document" },
  "chunk-tenant": { remedy: "rows", is: "chunks are found by another tenant's term" },
  "chunk-content": { remedy: "rows", is: "chunks hold other text than their hash says" },
  "full-text-gone": { remedy: "full-text", is: "the full-text index is not there" },
  "full-text-missing": { remedy: "full-text", is: "chunks are not in the full-text index" },
  "full-text-orphan": { remedy: "full-text", is: "entries of the full-text index have no chunk" },
  "full-text-differs": { remedy: "full-text", is: "the full-text index holds other words than the chunks" },
  "pack-missing": { remedy: "embed", is: "chunks point into vector packs that are not in R2" },
  "pack-damaged": {
    remedy: "embed",
    is: "chunks point into vector packs that are damaged, or others than their rows say",
  },
  "place-missing": { remedy: "embed", is: "chunks have no vector in their pack, or none that anybody owes" },
  "place-content": { remedy: "embed", is: "chunks point to the vector of another text" },
  "place-model": { remedy: "embed", is: "chunks point to vectors of another model than the Worker asks with" },
  "vector-missing": { remedy: "vector", is: "chunks have no vector in the index" },
  "vector-values": { remedy: "vector", is: "vectors of the index have other values than their pack" },
  "vector-namespace": { remedy: "vector", is: "vectors of the index are in another tenant's namespace" },
  "vector-metadata": { remedy: "vector", is: "vectors of the index carry other metadata than their document" },
  "vector-orphan": { remedy: "vector", is: "vectors of the index have no chunk" },
} as const satisfies Record<string, { remedy: Remedy; is: string }>;

export type Kind = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as [Kind, ...Kind[]];

/** What a check has found. Ids are kept up to a bound, so that an index that is gone does not fill the memory. */
export class Findings {
  readonly #counts = new Map<Kind, number>();
  readonly #ids = new Map<Kind, string[]>();

  add(kind: Kind, id: string | number): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    const ids = this.#ids.get(kind) ?? [];
    if (ids.length < INDEX_CHECK_IDS_MAX) ids.push(String(id));
    this.#ids.set(kind, ids);
  }

  /** Documents, chunks, packs or vectors of a kind, as far as they are remembered. */
  of(...kinds: readonly Kind[]): string[] {
    return [...new Set(kinds.flatMap((kind) => this.#ids.get(kind) ?? []))];
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Those that this command mends by itself. */
  get mendable(): number {
    return this.list().reduce((sum, { kind, count }) => sum + (KINDS[kind].remedy === "source" ? 0 : count), 0);
  }

  list(): { kind: Kind; count: number; sample: string[] }[] {
    return KIND_NAMES.flatMap((kind) => {
      const count = this.#counts.get(kind) ?? 0;
      return count === 0 ? [] : [{ kind, count, sample: this.of(kind).slice(0, INDEX_CHECK_SAMPLE) }];
    });
  }
}
