/**
 * Bounds how long one query may match events. Its regular expressions are the caller's, and one that backtracks would hold Node's thread, and
 * with it the platform, for ever; V8 interrupts what is called from within `node:vm`, and nothing else.
 */
import { createContext, runInContext } from "node:vm";
import { ApiError } from "../rest/envelope.ts";

const TOO_SLOW = 1001;

/** Runs the parts of one query's matching, which together may take `limit_ms`; @throws ApiError from the part that takes longer. */
export function matchClock(limit_ms: number): <T>(part: () => T) => T {
  let left_ms = limit_ms;
  return (part) => {
    const began_ms = performance.now();
    try {
      return runInContext("part()", createContext({ part }), { timeout: Math.max(1, Math.ceil(left_ms)) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      throw new ApiError(
        400,
        TOO_SLOW,
        `Matching took longer than ${limit_ms / 1000} s: simplify the regular expression, or ask for less time`,
      );
    } finally {
      left_ms -= performance.now() - began_ms;
    }
  };
}
