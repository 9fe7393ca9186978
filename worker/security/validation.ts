/** From what a schema refused to a problem that names the fields as callers know them. */
import type { Hook, z } from "@hono/zod-openapi";
import { type FieldError, Problem } from "../ground/problem.ts";
import { FIELD_ERRORS_MAX } from "../limits.ts";
import type { App } from "./context.ts";

/** Paths hold keys that callers chose. */
const FIELD_PATH_CHARS_MAX = 200;

/** What the router makes of a query parameter that is given twice is a list. */
const REPEATED = /received array$/;

/** For `OpenAPIHono`'s `defaultHook`: what a schema refused becomes a 400 that names the fields. */
export const refuseInvalid: Hook<unknown, App, string, unknown> = (result) => {
  if (result.success) return undefined;
  refuse(result.error, result.target === "json" ? [] : [result.target === "param" ? "path" : result.target]);
};

/** For what no validator of the router reads. `prefix` is where its fields stand. @throws Problem that names the fields. */
export function refuse(error: z.core.$ZodError, prefix: readonly string[]): never {
  const errors: FieldError[] = [];
  for (const issue of error.issues.slice(0, FIELD_ERRORS_MAX)) {
    const path = [...prefix, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      // zod reports unknown fields at their parent; callers look for the field.
      for (const key of issue.keys) errors.push({ path: fieldPath([...path, key]), message: "unknown field" });
    } else {
      const isRepeated = prefix[0] === "query" && issue.code === "invalid_type" && REPEATED.test(issue.message);
      errors.push({ path: fieldPath(path), message: isRepeated ? "must be given once" : issue.message });
    }
  }
  throw new Problem("invalid-request", summary(errors), { errors: errors.slice(0, FIELD_ERRORS_MAX) });
}

/** A path as callers write it: `documents[3].text`; empty for the whole body. */
function fieldPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text.slice(0, FIELD_PATH_CHARS_MAX);
}

function summary(errors: FieldError[]): string {
  const [first] = errors;
  if (!first) return "The request does not fit the schema.";
  const where = first.path === "" ? "The body" : `\`${first.path}\``;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return `${where}: ${first.message}${more}.`;
}
