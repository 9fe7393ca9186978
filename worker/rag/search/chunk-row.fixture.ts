/** For tests: a chunk as the index gives it, of a document of its own. */
import type { ChunkRow } from "./text-leg.ts";

export function chunkRow(chunk_id: number, text: string, title = ""): ChunkRow {
  return {
    chunk_id,
    document_id: `d${chunk_id}`,
    title,
    heading: "",
    format: "text",
    text,
    url: null,
    metadata: "{}",
    token_count: 9,
    document_tokens: 9,
  };
}
