/** Command line flags and positional arguments, derived from the zod object of a command's input. Pure. */
import { z } from "zod";

export interface Flag {
  /** Of the schema's object. */
  key: string;
  kind: "switch" | "value" | "list";
  /** `<file>` in the help. */
  placeholder: string;
  description: string;
  required: boolean;
  default: unknown;
  choices: readonly string[] | undefined;
}

/** What `z.toJSONSchema` says of a property; see https://zod.dev/json-schema. */
const property = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  description: z.string().optional(),
  placeholder: z.string().optional(),
  default: z.unknown().optional(),
});
const objectSchema = z.looseObject({
  properties: z.record(z.string(), property).default({}),
  required: z.array(z.string()).default([]),
});

/** The flags of an object of options, in the order of its keys. */
export function flagsOf(options: z.ZodObject): Flag[] {
  const { properties, required } = objectSchema.parse(z.toJSONSchema(options, { io: "input", unrepresentable: "any" }));
  return Object.entries(properties).map(([key, { type, enum: choices, description, placeholder, default: value }]) => ({
    key,
    kind: type === "boolean" ? "switch" : type === "array" ? "list" : "value",
    placeholder: placeholder ?? (type === "integer" || type === "number" ? "n" : key.replaceAll("_", "-")),
    description: description ?? "",
    required: required.includes(key),
    default: value,
    choices,
  }));
}

/** `key_file` → `--key-file`. */
export function flagName(key: string): string {
  return `--${key.replaceAll("_", "-")}`;
}

const DECIMAL = /^-?\d{1,15}(?:\.\d{1,15})?$/;

/** Words of a shell as the schema's input: what should be a number and is none stays text, for the schema to refuse. */
export function inputOf(options: z.ZodObject, words: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { properties } = objectSchema.parse(z.toJSONSchema(options, { io: "input", unrepresentable: "any" }));
  const given = Object.entries(words).filter(([key, word]) => key in properties && word !== undefined);
  return Object.fromEntries(
    given.map(([key, word]) => {
      const { type } = properties[key] ?? {};
      // In decimal digits and nothing else: `Number` would take `0x10`, `1e2` and blanks as well.
      const isNumber = type === "integer" || type === "number";
      return [key, isNumber && typeof word === "string" && DECIMAL.test(word) ? Number(word) : word];
    }),
  );
}
