/**
 * Every way a request can fail, mapped in one place to the document that callers of its path read; `validation.ts` does the
 * schemas' part.
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { Problem } from "../ground/problem.ts";
import { FENCE_RETRY_AFTER_S } from "../limits.ts";
import { isDatabaseDown } from "../store/database.ts";
import { isFenced } from "../store/fence.ts";
import type { App } from "./context.ts";
import { errorShape } from "./error-shapes.ts";

/** For `app.onError`. */
export function failed(error: Error, c: Context<App>): Response {
  return problemResponse(c, problemOf(error));
}

/** The refusal that an error means. What is not a `Problem` is a defect: a 500 that says nothing about the inside. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // Hono's own refusals, e.g. a path or form it cannot decode.
  if (error instanceof HTTPException && error.status === 400) return new Problem("invalid-request", error.message);
  if (isFenced(error)) {
    const detail = "A store is being replaced and takes no changes for some seconds. Nothing was changed; try again.";
    return new Problem("write-fenced", detail, { retry_after_s: FENCE_RETRY_AFTER_S });
  }
  if (isDatabaseDown(error)) {
    const detail = "The database cannot be reached at the moment. Nothing was changed; try again.";
    return new Problem("database-down", detail, { retry_after_s: 5 });
  }
  return new Problem("internal", "Something failed inside the service. Quote the request id when you report it.");
}

/** For `app.notFound`. */
export function notFound(c: Context<App>): Response {
  return problemResponse(c, new Problem("no-such-route", "There is no such route. `/docs` lists them."));
}

/** For paths that exist with other methods. */
export function methodNotAllowed(c: Context<App>, methods: string[]): Response {
  const allow = methods.join(", ");
  return problemResponse(c, new Problem("method-not-allowed", `This path takes ${allow}.`, { headers: { allow } }));
}

function problemResponse(c: Context<App>, problem: Problem): Response {
  const { status, headers, retry_after_s } = problem;
  const { media_type, body } = errorShape(c.req.path);
  return c.body(JSON.stringify(body(problem, c.var.work.request_id)), status, {
    "content-type": `${media_type}; charset=utf-8`,
    ...(retry_after_s === undefined ? {} : { "retry-after": String(retry_after_s) }),
    ...headers,
  });
}
