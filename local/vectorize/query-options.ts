/** The options of a query as they arrive, through REST or the binding. */
import { z } from "zod";
import {
  VECTORIZE_TOP_K_DEFAULT,
  VECTORIZE_TOP_K_MAX,
  VECTORIZE_TOP_K_WITH_VALUES_MAX,
} from "../../infra/cloudflare-limits.ts";
import { badRequest } from "./errors.ts";

export const queryOptionsSchema = z.object({
  topK: z.number().optional(),
  namespace: z.string().optional(),
  /** Checked by the store: see `filter.ts`. */
  filter: z.unknown().optional(),
  returnValues: z.boolean().optional(),
  returnMetadata: z.enum(["none", "indexed", "all"]).optional(),
});
export type QueryOptions = z.infer<typeof queryOptionsSchema>;

/** Parses a JSON body, or throws 40026 naming the first field that does not fit. */
export function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badRequest(
    "unparsable_body",
    `Failed to parse the request body as JSON: ${issue?.path.join(".") || "body"}: ${issue?.message}`,
  );
}

/** `topK` or its default; fewer are allowed when values or all metadata come along. */
export function checkedTopK({ topK = VECTORIZE_TOP_K_DEFAULT, returnValues, returnMetadata }: QueryOptions): number {
  const heavy = returnValues === true || returnMetadata === "all";
  const top_k_max = heavy ? VECTORIZE_TOP_K_WITH_VALUES_MAX : VECTORIZE_TOP_K_MAX;
  if (Number.isInteger(topK) && topK >= 1 && topK <= top_k_max) return topK;
  throw badRequest(
    "top_k",
    topK > top_k_max
      ? `${heavy ? "with returnValues=true or returnMetadata=all, " : ""}max top K is ${top_k_max}, but got ${topK}`
      : `top K must be a whole number from 1, but got ${topK}`,
  );
}
