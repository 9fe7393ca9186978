/**
 * What D1 refuses before SQLite sees it, and what workerd would let pass although Cloudflare does not.
 *
 * Pure rules. workerd itself enforces statement length (100 kB), columns (100), compound terms (5), LIKE patterns
 * (50 B), and the authorizer's refusals (ATTACH, TEMP, most PRAGMAs, transactions); tests name each of them.
 * Source: https://developers.cloudflare.com/d1/platform/limits/
 */
import { D1_FUNCTION_ARGUMENTS_MAX, D1_PARAMETERS_MAX, D1_VALUE_BYTES_MAX } from "../../infra/cloudflare-limits.ts";
import type { D1Query, D1Value } from "./d1-gateway.ts";
import { ApiError } from "./envelope.ts";

/** Code of every refusal by SQL, as D1's API has it. */
const SQL_ERROR = 7500;

export function sqlError(message: string): ApiError {
  return new ApiError(400, SQL_ERROR, message);
}

/** @throws ApiError when a statement breaks a limit that workerd does not know. */
export function refuseBeyondLimits({ sql, params = [] }: D1Query): void {
  if (params.length > D1_PARAMETERS_MAX)
    throw sqlError(
      `too many SQL variables: ${params.length} parameters, at most ${D1_PARAMETERS_MAX} may be bound to one statement ` +
        "(pass many values as one JSON parameter and read them with json_each): SQLITE_ERROR",
    );
  for (const [index, value] of params.entries()) {
    const bytes = byteLength(value);
    if (bytes > D1_VALUE_BYTES_MAX)
      throw sqlError(
        `string or blob too big: parameter ${index + 1} has ${bytes} bytes, a value may have ${D1_VALUE_BYTES_MAX}: SQLITE_TOOBIG`,
      );
  }
  // The authorizer refuses this one on Cloudflare, workerd does not.
  if (/\bpragma_page_size\b/i.test(sql)) throw sqlError("not authorized: SQLITE_AUTH");
  const crowded = crowdedCall(sql);
  if (crowded)
    throw sqlError(`too many arguments on function ${crowded} (at most ${D1_FUNCTION_ARGUMENTS_MAX}): SQLITE_ERROR`);
}

function byteLength(value: D1Value): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  return Array.isArray(value) ? value.length : 0;
}

/** Functions that take any number of arguments; others cannot reach the limit. */
const VARIADIC =
  /(?<![\w"'`[.])(max|min|coalesce|char|concat|concat_ws|format|printf|json_array|json_object|json_extract|json_insert|json_replace|json_set|json_remove)\s*\(/gi;
const ELEMENT = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[(),]/g;

/** The name of a function called with more arguments than Cloudflare's SQLite takes. */
function crowdedCall(sql: string): string | undefined {
  for (const call of sql.matchAll(VARIADIC)) {
    let depth = 0;
    let commas = 0;
    ELEMENT.lastIndex = call.index + call[0].length;
    for (let element = ELEMENT.exec(sql); element && depth >= 0; element = ELEMENT.exec(sql)) {
      if (element[0] === "(") depth++;
      else if (element[0] === ")") depth--;
      else if (element[0] === "," && depth === 0) commas++;
    }
    if (commas + 1 > D1_FUNCTION_ARGUMENTS_MAX) return call[1];
  }
  return undefined;
}
