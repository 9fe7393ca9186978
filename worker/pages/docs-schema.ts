/** Schemas in words and examples. Pure; works on the parsed OpenAPI document. */
import type { Schema } from "./docs-types.ts";

export type Schemas = Record<string, Schema>;

/** The schema itself, with a reference followed. */
export function resolved(schema: Schema | undefined, schemas: Schemas): Schema {
  const name = referenceName(schema);
  return (name === null ? schema : schemas[name]) ?? {};
}

/** `Key` for `#/components/schemas/Key`; null when the schema is no reference. */
function referenceName(schema: Schema | undefined): string | null {
  return schema?.$ref?.split("/").at(-1) ?? null;
}

/** A type in a few words: `string`, `array of integer`, `"low" | "high"`, `Key`. */
export function typeInWords(schema: Schema | undefined): string {
  if (schema === undefined) return "any";
  const name = referenceName(schema);
  if (name !== null) return name;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(typeInWords))].join(" | ");
  if (schema.allOf) return schema.allOf.map(typeInWords).join(" & ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const type = [schema.type ?? "any"].flat().join(" | ");
  return schema.items ? `${type} of ${typeInWords(schema.items)}` : type;
}

/** Limits and default in words, e.g. `1 to 50, default 10`; empty when there are none. */
export function limitsInWords(schema: Schema): string {
  const parts = [
    range(schema.minimum, schema.maximum, ""),
    range(schema.minLength, schema.maxLength, " characters"),
    range(schema.minItems, schema.maxItems, " items"),
    schema.format ?? "",
    schema.default === undefined ? "" : `default ${JSON.stringify(schema.default)}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function range(min: number | undefined, max: number | undefined, unit: string): string {
  // The generator writes JavaScript's integer bounds, which say nothing.
  const high = max === Number.MAX_SAFE_INTEGER ? undefined : max;
  const low = min === Number.MIN_SAFE_INTEGER ? undefined : min;
  if (low !== undefined && high !== undefined) return `${low} to ${high}${unit}`;
  if (high !== undefined) return `at most ${high}${unit}`;
  return low === undefined || low === 0 ? "" : `at least ${low}${unit}`;
}

/** Values of the formats that schemas name. */
const FORMATTED: Record<string, string> = {
  "date-time": "2026-11-29T12:00:00Z",
  date: "2026-11-29",
  uri: "https://docs.example/page",
};

/** A value that fits the schema, for the example requests: required fields and those that have an example. */
export function exampleOf(schema: Schema | undefined, schemas: Schemas): unknown {
  const { example, type, properties, items, enum: choices, anyOf, ...rest } = resolved(schema, schemas);
  if (example !== undefined) return example;
  if (rest.default !== undefined) return rest.default;
  if (choices) return choices[0];
  if (rest.const !== undefined) return rest.const;
  const choice = anyOf ?? rest.oneOf;
  if (choice) return exampleOf(choice[0], schemas);
  if (rest.allOf) return Object.assign({}, ...rest.allOf.map((part) => exampleOf(part, schemas)));
  if (properties) {
    const shown = Object.entries(properties).filter(
      ([name, field]) => rest.required?.includes(name) || field.example !== undefined,
    );
    return Object.fromEntries(shown.map(([name, field]) => [name, exampleOf(field, schemas)]));
  }
  if (items) return [exampleOf(items, schemas)];
  if (rest.format !== undefined && rest.format in FORMATTED) return FORMATTED[rest.format];
  const EXAMPLES: Record<string, unknown> = { string: "…", integer: rest.minimum ?? 1, number: 1, boolean: true };
  const [kind = "object"] = [type ?? "object"].flat();
  return kind === "null" ? null : (EXAMPLES[kind] ?? {});
}
