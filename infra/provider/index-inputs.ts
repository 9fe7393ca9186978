/** What a `VectorizeIndex` may be asked to be: the schema of its inputs, and their check before anything is planned. */
import { z } from "zod";
import {
  VECTORIZE_DIMENSIONS_MAX,
  VECTORIZE_INDEX_NAME_BYTES_MAX,
  VECTORIZE_KEY_CHARS_MAX,
  VECTORIZE_METADATA_INDEXES_MAX,
} from "../cloudflare-limits.ts";
import type { CheckFailure, Properties } from "./plugin.ts";
import { hasUnknown } from "./unknowns.ts";

const METRICS = ["cosine", "euclidean", "dot-product"] as const;
const METADATA_TYPES = ["string", "number", "boolean"] as const;

const metadataIndex = z.strictObject({
  property: z
    .string()
    .min(1)
    .max(VECTORIZE_KEY_CHARS_MAX)
    .regex(/^[^$"]/, "must not begin with $ or a quote"),
  type: z.enum(METADATA_TYPES),
});
export type MetadataIndex = z.infer<typeof metadataIndex>;

export const indexInputs = z.strictObject({
  accountId: z.string().regex(/^[0-9a-f]{32}$/, "must be the account's id: 32 hexadecimal digits"),
  name: z
    .string()
    .max(VECTORIZE_INDEX_NAME_BYTES_MAX)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, "must be letters, digits, - or _, beginning with a letter or digit"),
  dimensions: z.int().min(1).max(VECTORIZE_DIMENSIONS_MAX),
  metric: z.enum(METRICS),
  description: z.string().default(""),
  metadataIndexes: z
    .array(metadataIndex)
    .max(VECTORIZE_METADATA_INDEXES_MAX)
    .refine(
      (indexes) => new Set(indexes.map(({ property }) => property)).size === indexes.length,
      "must name each property once",
    )
    .default([]),
  /** Delete the index even while it holds vectors. */
  forceDestroy: z.boolean().default(false),
});
export type IndexInputs = z.infer<typeof indexInputs>;

/** The index as it is, in the shape that the stack's state keeps. Holds nothing that changes while the index is used. */
export const indexState = indexInputs.extend({ createdOn: z.string() });

/** Fills in defaults. What is still unknown in a preview is not checked, and returned as it came. */
export function checkInputs(news: Properties): { inputs: Properties; failures: CheckFailure[] } {
  const { shape } = indexInputs;
  const unknown = Object.fromEntries(
    Object.entries(news).filter(([name, value]) => name in shape && hasUnknown(value)),
  );
  const without = <T>(all: Record<string, T>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !(name in unknown)));
  const checked = z.strictObject(without<z.ZodType>(shape)).safeParse(without(news));
  if (checked.success) return { inputs: { ...checked.data, ...unknown }, failures: [] };
  const failures = checked.error.issues.flatMap((issue): CheckFailure[] =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((property) => ({ property, reason: "is not an input of a VectorizeIndex" }))
      : [{ property: path(issue.path), reason: issue.message }],
  );
  return { inputs: news, failures };
}

/** As Pulumi writes it: `metadataIndexes[2].type`. */
function path(keys: readonly PropertyKey[]): string {
  return keys.map((key, at) => (typeof key === "number" ? `[${key}]` : `${at > 0 ? "." : ""}${String(key)}`)).join("");
}
