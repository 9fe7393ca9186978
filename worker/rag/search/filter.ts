/**
 * The metadata filter of the public API: Vectorize's filter language, over the inventory's metadata indexes only.
 *
 * One filter goes to both legs: to Vectorize as it is, to D1 as the SQL of `filterToSql`. Both compare strings by
 * their first 64 bytes, by code point, and treat a field that is missing, null or of another type as absent: `$ne`
 * and `$nin` let an absent field through, everything else does not.
 * The tenant is never part of a filter: it comes from the key.
 * https://developers.cloudflare.com/vectorize/reference/metadata-filtering/
 */
import { z } from "@hono/zod-openapi";
import { VECTOR_INDEX } from "../../../infra/inventory.ts";
import { FILTER_BYTES_MAX, FILTER_STRING_BYTES_MAX } from "../../limits.ts";

type FieldOf<Index> = Index extends { property: infer Property extends string; type: infer Type }
  ? { property: Property; scalar: Type extends "string" ? string : Type extends "number" ? number : boolean }
  : never;
type Field = FieldOf<(typeof VECTOR_INDEX.metadata_indexes)[number]>;

interface EqualityOperators<Scalar> {
  $eq?: Scalar;
  $ne?: Scalar;
  $in?: Scalar[];
  $nin?: Scalar[];
}
interface RangeOperators<Scalar> {
  $lt?: Scalar;
  $lte?: Scalar;
  $gt?: Scalar;
  $gte?: Scalar;
}
type Condition<Scalar> =
  | Scalar
  | (Scalar extends boolean ? EqualityOperators<Scalar> : EqualityOperators<Scalar> & RangeOperators<Scalar>);

/** Conditions on metadata fields, all of which must hold. */
export type Filter = { [F in Field as F["property"]]?: Condition<F["scalar"]> };

const UTF8 = new TextEncoder();

/** Vectorize indexes this much of a string and no more; cut between code points. */
function indexedPart(text: string): string {
  const bytes = UTF8.encode(text);
  if (bytes.length <= FILTER_STRING_BYTES_MAX) return text;
  let end = FILTER_STRING_BYTES_MAX;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

/** SQLite reads a whole number as an integer and JavaScript as a double: beyond 2^53 they disagree about equality. */
export const exactNumber = z
  .number()
  .refine((value) => !Number.isInteger(value) || Number.isSafeInteger(value), "whole numbers must be within ±2^53")
  // Doubles beyond are all whole.
  .openapi({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });

const SCALARS = {
  string: z
    .string()
    .refine((text) => text.isWellFormed() && !text.includes("\0"), "must be Unicode text without NUL")
    .overwrite(indexedPart)
    .openapi({ pattern: "^[^\\u0000]*$" }),
  number: exactNumber,
  boolean: z.boolean(),
} as const;

const SHOWN = {
  string: { type: "string", pattern: "^[^\\u0000]*$" },
  number: { type: "number", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
  boolean: { type: "boolean" },
} as const;

/** Upper bounds, then lower ones. */
const RANGE_OPERATORS = ["$lt", "$lte", "$gt", "$gte"] as const;

function condition(type: keyof typeof SCALARS): z.ZodType {
  const scalar: z.ZodType = SCALARS[type];
  const list = z.array(scalar).min(1);
  const ranges =
    type === "boolean" ? {} : Object.fromEntries(RANGE_OPERATORS.map((operator) => [operator, scalar.optional()]));
  const operators = z
    .strictObject({
      $eq: scalar.optional(),
      $ne: scalar.optional(),
      $in: list.optional(),
      $nin: list.optional(),
      ...ranges,
    })
    .refine(
      (value) => combinable(Object.keys(value)),
      "takes one operator, or one of $lt, $lte together with one of $gt, $gte",
    )
    .openapi({ type: "object", anyOf: operatorsShown(type) });
  const named = Object.keys(operators.shape).join(", ");
  return z.union([scalar, operators], `must be a ${type}, or an object of ${named}, with ${type}s as values`);
}

/** What `combinable` lets pass, as OpenAPI says it. */
function operatorsShown(type: keyof typeof SCALARS) {
  const scalar = SHOWN[type];
  const list = { type: "array" as const, items: scalar, minItems: 1 };
  const ranges = type === "boolean" ? [] : RANGE_OPERATORS;
  const equalities = { $eq: scalar, $ne: scalar, $in: list, $nin: list };
  const properties = { ...equalities, ...Object.fromEntries(ranges.map((operator) => [operator, scalar])) };
  const object = { type: "object" as const, additionalProperties: false };
  const both = ranges.slice(0, 2).flatMap((upper) => ranges.slice(2).map((lower) => [upper, lower]));
  return [
    { ...object, properties, minProperties: 1, maxProperties: 1 },
    ...both.map((required) => ({
      ...object,
      properties: Object.fromEntries(required.map((operator) => [operator, scalar])),
      required,
    })),
  ];
}

/** Vectorize's rule: operators stand alone, except that an upper bound may join a lower one. */
function combinable(operators: string[]): boolean {
  if (operators.length === 1) return true;
  const upper = operators.filter((operator) => operator === "$lt" || operator === "$lte").length;
  const lower = operators.filter((operator) => operator === "$gt" || operator === "$gte").length;
  return operators.length === 2 && upper === 1 && lower === 1;
}

/** Parses what a request body carries; long strings come out cut to the part that Vectorize indexes. */
export const filterSchema = (
  z
    .strictObject(
      Object.fromEntries(
        VECTOR_INDEX.metadata_indexes.map(({ property, type }) => [property, condition(type).optional()]),
      ),
    )
    .refine((filter) => Object.keys(filter).length > 0, "must name at least one field")
    .refine(
      (filter) => UTF8.encode(JSON.stringify(filter)).length < FILTER_BYTES_MAX,
      `must be under ${FILTER_BYTES_MAX} bytes of JSON`,
    ) as unknown as z.ZodType<Filter>
).openapi("Filter", {
  minProperties: 1,
  description:
    "Conditions on document metadata, all of which must hold: a value, or one of $eq $ne $in $nin $lt $lte $gt $gte, or one of $lt $lte " +
    `with one of $gt $gte. Less than ${FILTER_BYTES_MAX} bytes of JSON. ` +
    "Strings are compared by their first 64 bytes.",
  example: { collection: "manuals", published_at_ms: { $gte: 1_767_225_600_000 } },
});

const COMPARISONS = { $eq: "=", $lt: "<", $lte: "<=", $gt: ">", $gte: ">=" } as const;
type Comparison = keyof typeof COMPARISONS;

/**
 * A filter as one parenthesised SQL condition over `<alias>.metadata`, the document's JSON object.
 * `params` belong to its `?`s in order. Field names come from the inventory, never from the filter.
 */
export function filterToSql(filter: Filter, alias: string): { sql: string; params: (string | number)[] } {
  const conditions: string[] = [];
  const params: (string | number)[] = [];
  for (const { property, type } of VECTOR_INDEX.metadata_indexes) {
    const wanted = filter[property];
    if (wanted === undefined) continue;
    const operators = typeof wanted === "object" ? wanted : { $eq: wanted };
    const path = `'$.${property
      .split(".")
      .map((key) => `"${key}"`)
      .join(".")}'`;
    const present = `json_type(${alias}.metadata, ${path})`;
    const value = `json_extract(${alias}.metadata, ${path})`;
    for (const [operator, operand] of Object.entries(operators)) {
      if (operand === undefined) continue;
      const negative = operator === "$ne" || operator === "$nin";
      const positive = { $ne: "$eq", $nin: "$in" }[operator] ?? operator;
      const comparison = Array.isArray(operand)
        ? "IN (SELECT value FROM json_each(?))"
        : `${COMPARISONS[positive as Comparison]} ?`;
      // Booleans travel as 0 and 1, in json_extract's results and in json_each's alike.
      params.push(Array.isArray(operand) ? JSON.stringify(operand) : typeof operand === "boolean" ? +operand : operand);
      conditions.push(`${negative ? "NOT " : ""}${matches(type, present, value, comparison)}`);
    }
  }
  return { sql: `(${conditions.join(" AND ")})`, params };
}

/** Never null, so that NOT means what it says. */
function matches(type: keyof typeof SCALARS, present: string, value: string, comparison: string): string {
  switch (type) {
    case "boolean":
      return `(coalesce(${present}, '') IN ('true', 'false') AND ${value} ${comparison})`;
    case "number":
      return `(coalesce(${present}, '') IN ('integer', 'real') AND ${value} ${comparison})`;
    case "string":
      return `(coalesce(${present}, '') = 'text' AND ${indexedPartSql(value)} ${comparison})`;
  }
}

/** `indexedPart` in SQL: a cut before byte n + 1 is between code points unless that byte is 10xxxxxx. */
function indexedPartSql(value: string): string {
  const limit = FILTER_STRING_BYTES_MAX;
  const inside = (n: number) => `substr(CAST(${value} AS BLOB), ${n + 1}, 1) BETWEEN x'80' AND x'bf'`;
  const cut = `CASE WHEN NOT ${inside(limit)} THEN ${limit} WHEN NOT ${inside(limit - 1)} THEN ${limit - 1} WHEN NOT ${inside(limit - 2)} THEN ${limit - 2} ELSE ${limit - 3} END`;
  return `CASE WHEN length(CAST(${value} AS BLOB)) <= ${limit} THEN ${value} ELSE CAST(substr(CAST(${value} AS BLOB), 1, ${cut}) AS TEXT) END`;
}
