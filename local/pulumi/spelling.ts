/** Pulumi writes `maxBatchSize` where the API writes `max_batch_size`. Keys of maps are the user's and stay. Pure. */
import type { Properties } from "../../infra/provider/plugin.ts";
import { isObject } from "../../worker/ground/json.ts";
import type { PackageTypes, Shape, Type } from "./package-types.ts";

/** A resource's properties as the API spells them. */
export function toApi(types: PackageTypes, shape: Shape, value: Properties): Properties {
  return respell(types, shape, value, (name) => [name, snake(name)]);
}

/** An answer of the API as Pulumi spells it; what `shape` does not declare is left out. */
export function fromApi(types: PackageTypes, shape: Shape, value: Properties): Properties {
  return respell(types, shape, value, (name) => [snake(name), name]);
}

/** `names` gives the spelling to read a declared property by, and the one to write. */
function respell(
  types: PackageTypes,
  shape: Shape,
  value: Properties,
  names: (declared: string) => [from: string, to: string],
): Properties {
  const inside = (type: Type, part: unknown): unknown => {
    if (type.kind === "array" && Array.isArray(part)) return part.map((element) => inside(type.of, element));
    if (type.kind === "map" && isObject(part))
      return Object.fromEntries(Object.entries(part).map(([key, entry]) => [key, inside(type.of, entry)]));
    if (type.kind === "object" && isObject(part)) return respell(types, types.nested(type), part, names);
    return part;
  };
  return Object.fromEntries(
    [...shape].flatMap(([declared, { type }]) => {
      const [from, to] = names(declared);
      const part = value[from];
      return part === undefined || part === null ? [] : [[to, inside(type, part)]];
    }),
  );
}

/** `maxBatchSize` → `max_batch_size`. */
export function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
