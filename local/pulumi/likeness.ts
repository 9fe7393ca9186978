/** Comparing what was declared with what is there, when the API adds fields and hides secrets. Pure. */

import { hasUnknown } from "../../infra/provider/unknowns.ts";
import { isObject } from "../../worker/ground/json.ts";

/** True when `live` has everything that `declared` says; it may have more. */
export function covers(live: unknown, declared: unknown): boolean {
  if (hasUnknown(declared)) return false;
  if (Array.isArray(declared))
    return (
      Array.isArray(live) && live.length === declared.length && declared.every((one, index) => covers(live[index], one))
    );
  if (isObject(declared))
    return isObject(live) && Object.entries(declared).every(([name, part]) => covers(live[name], part));
  return live === declared;
}

/** `known` with every part that `live` shows replaced by it; parts that `live` hides stay, new parts are left out. */
export function refreshed(known: unknown, live: unknown): unknown {
  if (live === undefined || live === null) return known;
  if (Array.isArray(known) && Array.isArray(live) && known.length === live.length)
    return known.map((one, index) => refreshed(one, live[index]));
  if (isObject(known) && isObject(live))
    return Object.fromEntries(Object.entries(known).map(([name, part]) => [name, refreshed(part, live[name])]));
  return live;
}

/** `live` with every part of `known` that it hides, e.g. a secret. */
export function completed(known: unknown, live: unknown): unknown {
  if (live === undefined || live === null) return known;
  if (Array.isArray(known) && Array.isArray(live) && known.length === live.length)
    return known.map((one, index) => completed(one, live[index]));
  if (isObject(known) && isObject(live))
    return {
      ...live,
      ...Object.fromEntries(Object.entries(known).map(([name, part]) => [name, completed(part, live[name])])),
    };
  return live;
}
