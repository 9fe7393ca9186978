/** Values that a schema of `/openapi.json` allows, for tests: what a client makes that knows nothing but the document. */
import fc from "fast-check";
import type { Schema } from "../pages/docs-types.ts";

type Shown = Schema & { propertyNames?: Schema; pattern?: string; minProperties?: number; maxProperties?: number };

const CHARACTER = fc.constantFrom(..."abz 09-_.:/*", "é", "漢", "\n", "\u0007", "\u202e");
const CHARS_MAX = 24;
const TIMES = fc.constantFrom("2126-01-01T00:00:00Z", "2026-01-01T00:00:00.123+05:30");
const FORMATTED: Record<string, fc.Arbitrary<string>> = {
  "date-time": TIMES,
  date: fc.constant("2026-01-01"),
  uri: fc.constantFrom("https://a.example/x?y#z", "http://user@h:8080/"),
  uuid: fc.uuid(),
};

/** Strings are short ones; whole numbers within what both sides agree on. */
export function conforming(shown: Schema | undefined, schemas: Record<string, Schema>): fc.Arbitrary<unknown> {
  const schema: Shown = shown?.$ref ? (schemas[shown.$ref.split("/").at(-1) ?? ""] ?? {}) : (shown ?? {});
  const { type, anyOf, minimum, maximum } = schema;
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (anyOf) return fc.oneof(...anyOf.map((choice) => conforming(choice, schemas)));
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => conforming({ ...schema, type: one }, schemas)));
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({ min: Math.max(minimum ?? 0, -(2 ** 31)), max: Math.min(maximum ?? 1_000, 2 ** 31 - 1) });
    case "number":
      return fc.double({ min: Math.max(minimum ?? 1, 1), max: maximum ?? 1_000, noNaN: true });
    case "string":
      return text(schema);
    case "array":
      return fc.array(conforming(schema.items, schemas), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, 3),
      });
    case "object":
      return object(schema, schemas);
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function text({ format, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY }: Shown): fc.Arbitrary<string> {
  const known = FORMATTED[format ?? ""];
  if (known) return known;
  const allowed = new RegExp(pattern ?? "", "u");
  const longest = Math.min(maxLength, Math.max(minLength, CHARS_MAX));
  const free = fc.string({ unit: CHARACTER, minLength, maxLength: longest });
  // Those that only forbid characters, or demand one, are met by free text; the others are a form.
  if (pattern === undefined || /^\^(?:\(\?|\[\^)/.test(pattern)) return free.filter((value) => allowed.test(value));
  return fc.stringMatching(allowed).filter((value) => value.length >= minLength && value.length <= maxLength);
}

function object(schema: Shown, schemas: Record<string, Schema>): fc.Arbitrary<object> {
  const fields: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, field]) => [name, conforming(field, schemas)]),
  );
  const named = fc.record(fields, { requiredKeys: [...(schema.required ?? [])] });
  const { additionalProperties, minProperties = 0, maxProperties = 64 } = schema;
  const others =
    typeof additionalProperties === "object"
      ? fc.dictionary(text({ type: "string", ...schema.propertyNames }), conforming(additionalProperties, schemas), {
          maxKeys: 3,
        })
      : fc.constant({});
  return fc
    .tuple(others, named)
    .map(([free, known]) => ({ ...free, ...known }))
    .filter((made) => Object.keys(made).length >= minProperties && Object.keys(made).length <= maxProperties);
}
