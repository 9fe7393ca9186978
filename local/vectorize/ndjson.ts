/** Uploads of vectors: one JSON object a line. */
import { z } from "zod";
import { VECTORIZE_BATCH_HTTP_MAX } from "../../infra/cloudflare-limits.ts";
import { jsonIn } from "../../worker/ground/json.ts";
import { badRequest } from "./errors.ts";
import type { VectorInput } from "./types.ts";
import { unparsable } from "./vector-checks.ts";

const lineSchema = z.object({
  id: z.string(),
  values: z.array(z.number()),
  namespace: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});

/** Parses NDJSON. Lines that do not parse are refused, or with `discard` skipped; blank lines are skipped. */
export function parseVectorLines(text: string, unparsable_lines: "error" | "discard"): VectorInput[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length > VECTORIZE_BATCH_HTTP_MAX)
    throw badRequest(
      "too_many_vectors",
      `too many vectors in payload; max count is ${VECTORIZE_BATCH_HTTP_MAX}, got ${lines.length}`,
    );
  return lines.flatMap((line, position) => {
    const parsed = lineSchema.safeParse(jsonIn(line));
    if (parsed.success) return [parsed.data];
    if (unparsable_lines === "discard") return [];
    const [issue] = parsed.error.issues;
    throw unparsable(`line ${position + 1}: ${issue?.path.join(".") || "not a JSON object"}: ${issue?.message}`);
  });
}
