/** A chunk's vector as it lies in Vectorize: the one form, whether the Worker or ops sends it. Pure. */
import { VECTOR_INDEX } from "../../infra/inventory.ts";

type MetadataFields = Readonly<Record<string, string | number | boolean>>;

export interface IndexEntry {
  id: string;
  values: Float32Array;
  namespace: string;
  metadata: Record<string, string | number | boolean>;
}

/** `metadata` is the document's; Vectorize holds only what can be filtered on, everything else stays in D1. */
export function indexEntry(chunk: {
  id: number;
  values: Float32Array;
  tenant: string;
  metadata: MetadataFields;
}): IndexEntry {
  const metadata: IndexEntry["metadata"] = {};
  for (const { property } of VECTOR_INDEX.metadata_indexes) {
    const value = chunk.metadata[property];
    if (value !== undefined) metadata[property] = value;
  }
  return { id: String(chunk.id), values: chunk.values, namespace: chunk.tenant, metadata };
}
