/** What a chunk must agree with: its document, its hash, its pack, its vector. Pure. */
import { tenantTerm } from "../../../worker/ground/tenant-term.ts";
import type { IndexEntry } from "../../../worker/vectors/index-entry.ts";
import type { FoundVector } from "../../generation/vector-index.ts";
import type { Kind } from "./kinds.ts";

/** A chunk's row beside its document's. */
export interface ChunkFacts {
  tenant: string;
  tenant_term: string;
  title: string;
  document_title: string;
  is_listed: boolean;
  /** As the row says, and of what the row holds. */
  content_hash: string;
  actual_hash: string;
  /** Null while its vector is owed. */
  place: { slot: number; model: string; dimensions: number } | null;
  is_owed: boolean;
}

/** What the pack of a chunk turned out to be. */
export type PackFacts = "missing" | "damaged" | { content_hashes: readonly string[] };

/** What the deployed Worker asks with; no model where it has none. */
export interface Asked {
  vector_space: string | null;
  dimensions: number;
}

export function rowDisparities(chunk: ChunkFacts): Kind[] {
  // Nothing else of it matters: it goes.
  if (!chunk.is_listed) return ["chunk-unlisted"];
  return [
    ...(chunk.title === chunk.document_title ? [] : (["chunk-title"] as const)),
    ...(chunk.tenant_term === tenantTerm(chunk.tenant) ? [] : (["chunk-tenant"] as const)),
    ...(chunk.content_hash === chunk.actual_hash ? [] : (["chunk-content"] as const)),
  ];
}

/** Of a chunk that is listed. A pack that is missing or damaged is told by itself, and so is its chunk's text. */
export function placeDisparity(chunk: ChunkFacts, pack: PackFacts | undefined, asked: Asked): Kind | null {
  if (chunk.place === null) return chunk.is_owed ? null : "place-missing";
  const { slot, model, dimensions } = chunk.place;
  if (dimensions !== asked.dimensions || (asked.vector_space !== null && model !== asked.vector_space))
    return "place-model";
  if (pack === "missing") return "pack-missing";
  if (pack === "damaged") return "pack-damaged";
  const embedded = pack?.content_hashes[slot];
  if (embedded === undefined) return "place-missing";
  return embedded === chunk.content_hash ? null : "place-content";
}

export function vectorDisparities(wanted: IndexEntry, found: FoundVector | undefined): Kind[] {
  if (found === undefined) return ["vector-missing"];
  const hasValues =
    found.values.length === wanted.values.length &&
    found.values.every((value, at) => Math.fround(value) === wanted.values[at]);
  return [
    ...(hasValues ? [] : (["vector-values"] as const)),
    ...(found.namespace === wanted.namespace ? [] : (["vector-namespace"] as const)),
    ...(textOf(found.metadata) === textOf(wanted.metadata) ? [] : (["vector-metadata"] as const)),
  ];
}

function textOf(metadata: object = {}): string {
  return JSON.stringify(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
}
