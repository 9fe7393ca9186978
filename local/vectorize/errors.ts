import { ApiError } from "../rest/envelope.ts";

/** Error codes of the Vectorize API. Those of the second group are not documented anywhere we know of: numbers are ours. */
export const CODES = {
  index_not_found: 3000,
  duplicate_name: 3002,
  index_deleted: 3005,
  query_dimensions: 40006,
  too_many_ids: 40007,
  id_length: 40008,
  namespace_length: 40009,
  vector_dimensions: 40012,
  unparsable_vectors: 40023,
  top_k: 40025,
  unparsable_body: 40026,

  invalid_index: 3003,
  too_many_vectors: 40005,
  metadata: 40010,
  metadata_index: 40015,
  filter: 40017,
  vector_not_found: 40020,
  upload_size: 40022,
  cursor: 40024,
} as const;

/** What the API refuses. */
export function badRequest(code: keyof typeof CODES, message: string): ApiError {
  return new ApiError(400, CODES[code], message);
}
