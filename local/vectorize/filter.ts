/**
 * Vectorize's metadata filter: what it accepts, and whether the indexed metadata of a vector passes.
 *
 * https://developers.cloudflare.com/vectorize/reference/metadata-filtering/ leaves open what a missing property
 * means. Here a property that is missing, null or of another type than its index is absent: `$ne` and `$nin` let it
 * through, `$eq: null` asks for it, everything else does not match. A property without an index is refused rather
 * than silently matching nothing.
 */
import {
  VECTORIZE_FILTER_BYTES_MAX,
  VECTORIZE_INDEXED_STRING_BYTES_MAX,
  VECTORIZE_KEY_CHARS_MAX,
} from "../../infra/cloudflare-limits.ts";
import { isObject } from "../../worker/ground/json.ts";
import type { ApiError } from "../rest/envelope.ts";
import { badRequest } from "./errors.ts";
import type { Indexed, MetadataIndex, Scalar } from "./types.ts";

type Test = (value: Scalar | undefined) => boolean;
type Predicate = (indexed: Indexed) => boolean;

/** The first 64 bytes of a string, cut between code points: all that a string index holds. */
function indexedString(text: string): string {
  if (text.length * 3 <= VECTORIZE_INDEXED_STRING_BYTES_MAX) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= VECTORIZE_INDEXED_STRING_BYTES_MAX) return text;
  let end = VECTORIZE_INDEXED_STRING_BYTES_MAX;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}

/** What the given indexes hold of a vector's metadata; a dot in a property name descends into objects. */
export function indexedPart(metadata: Record<string, unknown>, indexes: readonly MetadataIndex[]): Indexed {
  const indexed: Record<string, Scalar> = {};
  for (const { propertyName, indexType } of indexes) {
    let value: unknown = metadata;
    for (const key of propertyName.split(".")) {
      value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    }
    if (typeof value !== indexType) continue;
    indexed[propertyName] = typeof value === "string" ? indexedString(value) : (value as Scalar);
  }
  return indexed;
}

/** Checks a filter and makes a predicate of it. Throws `ApiError` for what Vectorize would refuse. */
export function compileFilter(filter: unknown, indexes: readonly MetadataIndex[]): Predicate {
  if (!isObject(filter) || Object.keys(filter).length === 0) throw refused("must be a non-empty object");
  const bytes = Buffer.byteLength(JSON.stringify(filter));
  if (bytes >= VECTORIZE_FILTER_BYTES_MAX)
    throw refused(`must be less than ${VECTORIZE_FILTER_BYTES_MAX} bytes as compact JSON, got ${bytes}`);
  const tests = Object.entries(filter).flatMap(([property, condition]) => {
    for (const key of property.split(".")) {
      if (key === "" || key.startsWith("$") || /["|]/.test(key) || key.length > VECTORIZE_KEY_CHARS_MAX)
        throw refused(
          `key ${JSON.stringify(property)} may not be empty, start with $, contain " or | or be over 512 long`,
        );
    }
    const index = indexes.find(({ propertyName }) => propertyName === property);
    if (!index)
      throw refused(`property "${property}" has no metadata index; create one, then upsert the vectors again`);
    return conditionTests(property, condition).map((test) => ({ property, test }));
  });
  return (indexed) => tests.every(({ property, test }) => test(indexed[property]));
}

function conditionTests(property: string, condition: unknown): Test[] {
  if (!isObject(condition)) return [operatorTest(property, "$eq", condition)];
  const operators = Object.entries(condition);
  const upper = operators.filter(([name]) => name === "$lt" || name === "$lte").length;
  const lower = operators.filter(([name]) => name === "$gt" || name === "$gte").length;
  if (operators.length !== 1 && !(operators.length === 2 && upper === 1 && lower === 1))
    throw refused(`"${property}" takes one operator, or one of $lt, $lte together with one of $gt, $gte`);
  return operators.map(([name, operand]) => operatorTest(property, name, operand));
}

function operatorTest(property: string, operator: string, operand: unknown): Test {
  switch (operator) {
    case "$eq":
    case "$ne": {
      const wanted = equalityOperand(property, operator, operand);
      return operator === "$eq" ? (value) => value === wanted : (value) => value !== wanted;
    }
    case "$in":
    case "$nin": {
      if (!Array.isArray(operand) || operand.length === 0)
        throw refused(`${operator} of "${property}" takes a non-empty array`);
      const wanted = new Set(operand.map((item) => equalityOperand(property, operator, item)));
      return operator === "$in" ? (value) => wanted.has(value) : (value) => !wanted.has(value);
    }
    case "$lt":
    case "$lte":
    case "$gt":
    case "$gte":
      return rangeTest(property, operator, operand);
    default:
      throw refused(`"${property}" has the unknown operator ${operator}`);
  }
}

function equalityOperand(property: string, operator: string, operand: unknown): Scalar | undefined {
  if (operand === null) return undefined;
  if (typeof operand === "string") return indexedString(operand);
  if (typeof operand === "boolean" || typeof operand === "number") return operand;
  throw refused(`${operator} of "${property}" takes strings, numbers, booleans or null`);
}

function rangeTest(property: string, operator: "$lt" | "$lte" | "$gt" | "$gte", operand: unknown): Test {
  if (typeof operand !== "string" && typeof operand !== "number")
    throw refused(`${operator} of "${property}" takes a string or a number`);
  const bound = typeof operand === "string" ? indexedString(operand) : operand;
  return (value) => {
    if (typeof value !== typeof bound) return false;
    const order =
      typeof value === "string" && typeof bound === "string"
        ? compareCodePoints(value, bound)
        : Number(value) - Number(bound);
    switch (operator) {
      case "$lt":
        return order < 0;
      case "$lte":
        return order <= 0;
      case "$gt":
        return order > 0;
      case "$gte":
        return order >= 0;
    }
  };
}

/** The order of UTF-8 bytes. JavaScript's own order differs for what UTF-16 writes as surrogates. */
function compareCodePoints(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}
function rank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function refused(why: string): ApiError {
  return badRequest("filter", `invalid filter: ${why}`);
}
