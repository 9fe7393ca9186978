/** What the store, its faces and its files say to each other, in the API's own spelling. */

export const METRICS = ["cosine", "euclidean", "dot-product"] as const;
export type Metric = (typeof METRICS)[number];
export const METADATA_TYPES = ["string", "number", "boolean"] as const;
export type MetadataType = (typeof METADATA_TYPES)[number];

export interface IndexConfig {
  dimensions: number;
  metric: Metric;
}
export interface IndexRecord {
  name: string;
  description: string;
  config: IndexConfig;
  created_on: string;
  modified_on: string;
}
export interface MetadataIndex {
  propertyName: string;
  indexType: MetadataType;
}
export interface IndexInfo {
  dimensions: number;
  vectorCount: number;
  /** Empty before the first mutation. */
  processedUpToMutation: string;
  processedUpToDatetime: string | null;
}

/** A vector on its way in, not yet checked. */
export interface VectorInput {
  id: string;
  namespace?: string | null | undefined;
  values: ArrayLike<number>;
  metadata?: Record<string, unknown> | null | undefined;
}
export interface StoredVector {
  id: string;
  namespace?: string;
  values: number[];
  metadata?: Record<string, unknown>;
}

export interface Match {
  id: string;
  score: number;
  namespace?: string;
  values?: number[];
  metadata?: Record<string, unknown>;
}
export interface Matches {
  count: number;
  matches: Match[];
}

export type Scalar = string | number | boolean;
/** What the metadata indexes hold of one vector: property → value, strings cut to 64 bytes. */
export type Indexed = Readonly<Record<string, Scalar>>;

/** A checked vector; `metadata` is its JSON. */
export interface Entry {
  id: string;
  namespace: string | null;
  metadata: string | null;
}
/** One accepted change, waiting to become visible. */
export type Change =
  | { kind: "insert" | "upsert"; entries: Entry[]; values: Float32Array }
  | { kind: "delete"; ids: string[] }
  | { kind: "create_metadata_index"; metadata_index: MetadataIndex }
  | { kind: "delete_metadata_index"; property: string };
