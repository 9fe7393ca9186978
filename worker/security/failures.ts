/** Every way a request can fail, mapped to a problem document in one place; `validation.ts` does the schemas' part. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { App } from "../context.ts";
import { Problem, problemResponse } from "../ground/problem.ts";
import { FENCE_RETRY_AFTER_S } from "../limits.ts";
import { isDatabaseDown } from "../store/database.ts";
import { isFenced } from "../store/fence.ts";

/** For `app.onError`. What is not a `Problem` is a defect: a 500 that says nothing about the inside. */
export function failed(error: Error, c: Context<App>): Response {
  if (error instanceof Problem) return problemResponse(c, error);
  // Hono's own refusals, e.g. a path or form it cannot decode.
  if (error instanceof HTTPException && (error.status === 400 || error.status === 415)) {
    return problemResponse(c, new Problem(error.status, "invalid-request", error.message));
  }
  if (isFenced(error)) {
    const detail = "A store is being replaced and takes no changes for some seconds. Nothing was changed; try again.";
    const headers = { "retry-after": String(FENCE_RETRY_AFTER_S) };
    return problemResponse(c, new Problem(503, "write-fenced", detail, { headers }));
  }
  if (isDatabaseDown(error)) {
    const detail = "The database cannot be reached at the moment. Nothing was changed; try again.";
    return problemResponse(c, new Problem(503, "database-down", detail, { headers: { "retry-after": "5" } }));
  }
  const detail = "Something failed inside the service. Quote the request id when you report it.";
  return problemResponse(c, new Problem(500, "internal", detail));
}

/** For `app.notFound`. */
export function notFound(c: Context<App>): Response {
  return problemResponse(c, new Problem(404, "no-such-route", "There is no such route. `/docs` lists them."));
}

/** For paths that exist with other methods. */
export function methodNotAllowed(c: Context<App>, methods: string[]): Response {
  const allow = methods.join(", ");
  const detail = `This path takes ${allow}.`;
  return problemResponse(c, new Problem(405, "method-not-allowed", detail, { headers: { allow } }));
}
