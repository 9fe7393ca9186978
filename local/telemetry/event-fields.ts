/** The fields of an event as queries name them (`$workers.outcome`, `duration_ms`), and what a filter or needle says of them. */
import { z } from "zod";
import type { LogEvent } from "./log-events.ts";

/** As the API spells them, and what each is called here. */
const OPERATIONS = {
  includes: "includes",
  INCLUDES: "includes",
  not_includes: "not_includes",
  DOES_NOT_INCLUDE: "not_includes",
  starts_with: "starts_with",
  STARTS_WITH: "starts_with",
  ends_with: "ends_with",
  ENDS_WITH: "ends_with",
  regex: "regex",
  MATCH_REGEX: "regex",
  exists: "exists",
  EXISTS: "exists",
  is_null: "is_null",
  DOES_NOT_EXIST: "is_null",
  in: "in",
  IN: "in",
  not_in: "not_in",
  NOT_IN: "not_in",
  eq: "eq",
  "=": "eq",
  neq: "neq",
  "!=": "neq",
  gt: "gt",
  ">": "gt",
  gte: "gte",
  ">=": "gte",
  lt: "lt",
  "<": "lt",
  lte: "lte",
  "<=": "lte",
} as const;
type Operation = keyof typeof OPERATIONS;

const NEEDS_NO_VALUE = new Set<Operation>(["exists", "EXISTS", "is_null", "DOES_NOT_EXIST"]);
/** https://developers.cloudflare.com/api/resources/workers/subresources/observability/ */
const FILTER_DEPTH_MAX = 4;

const fieldValue = z.union([z.string(), z.number(), z.boolean()]);
export type FieldValue = z.infer<typeof fieldValue>;
export const fieldType = z.enum(["string", "number", "boolean"]);
export type FieldType = z.infer<typeof fieldType>;
export const combination = z.enum(["and", "or", "AND", "OR"]);

function isPattern(text: string): boolean {
  try {
    return Boolean(new RegExp(text));
  } catch {
    return false;
  }
}

const leaf = z
  .strictObject({
    kind: z.literal("filter").optional(),
    key: z.string().min(1),
    operation: z.enum(Object.keys(OPERATIONS) as [Operation, ...Operation[]]),
    type: fieldType,
    value: fieldValue.optional(),
  })
  .refine((one) => NEEDS_NO_VALUE.has(one.operation) || one.value !== undefined, "this operation needs a value")
  .refine(
    (one) => OPERATIONS[one.operation] !== "regex" || isPattern(String(one.value)),
    "the value is no regular expression",
  );
type FilterLeaf = z.infer<typeof leaf>;
interface FilterGroup {
  kind: "group";
  filterCombination: z.infer<typeof combination>;
  filters: Filter[];
}
export type Filter = FilterLeaf | FilterGroup;

/** Groups within groups, down to the depth that Cloudflare allows. */
function filterSchema(depth: number): z.ZodType<Filter> {
  if (depth >= FILTER_DEPTH_MAX) return leaf;
  const filters = z.array(filterSchema(depth + 1));
  return z.union([z.strictObject({ kind: z.literal("group"), filterCombination: combination, filters }), leaf]);
}
export const filter = filterSchema(0);

export const needle = z
  .strictObject({ value: fieldValue, isRegex: z.boolean().optional(), matchCase: z.boolean().optional() })
  .refine((one) => !one.isRegex || isPattern(String(one.value)), "the value is no regular expression");
export type Needle = z.infer<typeof needle>;

/**
 * The value of a field: of `$metadata` and `$workers` by its path, of a line's own fields by theirs, with or without `source.`.
 * Undefined where there is none, or no single value.
 */
export function fieldOf(event: LogEvent, key: string): FieldValue | undefined {
  if (key === "timestamp" || key === "dataset") return event[key];
  if (key.startsWith("$metadata.") || key.startsWith("$workers.") || key.startsWith("source."))
    return walk(event, key.split("."));
  return walk(event.source, key.split("."));
}

/** Every field of an event with its value. */
export function* fieldsOf(event: LogEvent): Generator<[key: string, value: FieldValue]> {
  yield* leaves(event.$metadata, "$metadata.");
  yield* leaves(event.$workers, "$workers.");
  yield* leaves(event.source, "");
}

/** True for events that all (or, combined by `or`, any) filters let through. */
export function matcher(filters: readonly Filter[], combination = "and"): (event: LogEvent) => boolean {
  const tests = filters.map((filter) =>
    filter.kind === "group" ? matcher(filter.filters, filter.filterCombination) : leafMatcher(filter),
  );
  if (tests.length > 0 && combination.toLowerCase() === "or") return (event) => tests.some((test) => test(event));
  return (event) => tests.every((test) => test(event));
}

/** True for events of which some field contains the needle. */
export function needleMatcher(needle: Needle): (event: LogEvent) => boolean {
  const isIn = textMatcher(needle);
  return (event) => {
    for (const [, value] of fieldsOf(event)) if (isIn(String(value))) return true;
    return false;
  };
}

/** @throws SyntaxError for a regular expression that is none. */
export function textMatcher({ value, isRegex = false, matchCase = false }: Needle): (text: string) => boolean {
  if (isRegex) {
    const pattern = new RegExp(String(value), matchCase ? "" : "i");
    return (text) => pattern.test(text);
  }
  const wanted = matchCase ? String(value) : String(value).toLowerCase();
  return (text) => (matchCase ? text : text.toLowerCase()).includes(wanted);
}

function leafMatcher({ key, operation, type, value }: FilterLeaf): (event: LogEvent) => boolean {
  const test = valueTest(OPERATIONS[operation], value);
  return (event) => {
    const found = fieldOf(event, key);
    // A field of another type is another field.
    return test(typeof found === type ? found : undefined);
  };
}

function valueTest(
  operation: (typeof OPERATIONS)[Operation],
  wanted: FieldValue | undefined,
): (found: FieldValue | undefined) => boolean {
  const text = String(wanted);
  switch (operation) {
    case "exists":
      return (found) => found !== undefined;
    case "is_null":
      return (found) => found === undefined;
    case "includes":
      return (found) => String(found ?? "").includes(text);
    case "not_includes":
      return (found) => !String(found ?? "").includes(text);
    case "starts_with":
      return (found) => String(found ?? "").startsWith(text);
    case "ends_with":
      return (found) => String(found ?? "").endsWith(text);
    case "regex": {
      const pattern = new RegExp(text);
      return (found) => found !== undefined && pattern.test(String(found));
    }
    case "in":
    case "not_in": {
      const listed = new Set(text.split(",").map((one) => one.trim()));
      return (found) => (found !== undefined && listed.has(String(found))) === (operation === "in");
    }
    case "eq":
      return (found) => String(found) === text;
    case "neq":
      return (found) => String(found) !== text;
    case "gt":
      return (found) => Number(found) > Number(wanted);
    case "gte":
      return (found) => Number(found) >= Number(wanted);
    case "lt":
      return (found) => Number(found) < Number(wanted);
    case "lte":
      return (found) => Number(found) <= Number(wanted);
  }
}

function walk(from: unknown, path: readonly string[]): FieldValue | undefined {
  const [head = "", ...rest] = path;
  if (typeof from !== "object" || from === null) return undefined;
  // A line's own field may have a dot in its name.
  const whole = (from as Record<string, unknown>)[path.join(".")];
  if (isValue(whole)) return whole;
  return rest.length === 0 ? undefined : walk((from as Record<string, unknown>)[head], rest);
}

function* leaves(from: unknown, prefix: string): Generator<[string, FieldValue]> {
  if (typeof from !== "object" || from === null) return;
  for (const [name, value] of Object.entries(from)) {
    if (isValue(value)) yield [`${prefix}${name}`, value];
    else yield* leaves(value, `${prefix}${name}.`);
  }
}

function isValue(value: unknown): value is FieldValue {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
