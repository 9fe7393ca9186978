/** Whether a value is of a type that the package declares. Pure but for reading nested shapes. */
import type { CheckFailure, Properties } from "../../infra/provider/plugin.ts";
import { hasUnknown } from "../../infra/provider/unknowns.ts";
import { isObject } from "../../worker/ground/json.ts";
import type { PackageTypes, Shape, Type } from "./package-types.ts";

/** Every property that is missing, not declared, or of another type; `path` leads to `value`. */
export function shapeFailures(types: PackageTypes, shape: Shape, value: Properties, path = ""): CheckFailure[] {
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const missing = [...shape]
    .filter(([name, { required }]) => required && (value[name] === undefined || value[name] === null))
    .map(([name]) => ({ property: at(name), reason: "is required" }));
  const present = Object.entries(value).flatMap(([name, given]): CheckFailure[] => {
    const declared = shape.get(name);
    if (!declared)
      return [{ property: at(name), reason: `is not declared; there are ${[...shape.keys()].join(", ")}` }];
    return typeFailures(types, declared, given, at(name));
  });
  return [...missing, ...present];
}

function typeFailures(
  types: PackageTypes,
  { type, values }: { type: Type; values: readonly string[] },
  value: unknown,
  path: string,
): CheckFailure[] {
  // A part that is not known yet is not checked; the rest of the value is.
  if (value === null || value === undefined || (typeof value === "string" && hasUnknown(value))) return [];
  const wrong = (expected: string) => [{ property: path, reason: `must be ${expected}, is ${kindOf(value)}` }];
  switch (type.kind) {
    case "any":
      return [];
    case "array":
      if (!Array.isArray(value)) return wrong("an array");
      return value.flatMap((element, index) =>
        typeFailures(types, { type: type.of, values }, element, `${path}[${index}]`),
      );
    case "map":
      if (!isObject(value)) return wrong("an object");
      return Object.entries(value).flatMap(([key, entry]) =>
        typeFailures(types, { type: type.of, values }, entry, `${path}.${key}`),
      );
    case "object":
      if (!isObject(value)) return wrong("an object");
      return shapeFailures(types, types.nested(type), value, path);
    case "string":
      if (typeof value !== "string") return wrong("a string");
      if (values.length === 0 || values.some((one) => loosely(one) === loosely(value))) return [];
      return [{ property: path, reason: `value must be one of: ${values.join(", ")}, got: ${value}` }];
    case "number":
      return typeof value === "number" ? [] : wrong("a number");
    case "boolean":
      return typeof value === "boolean" ? [] : wrong("a boolean");
  }
}

/** The package's documentation writes `http_pull` as `httpPull` or `http*pull`, and the provider ignores case. */
function loosely(value: string): string {
  return value.replaceAll(/[_*]/g, "").toLowerCase();
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
