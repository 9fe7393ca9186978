/**
 * Errors as RFC 9457 problem documents.
 *
 * Expected failures are `Problem`s thrown from anywhere below a route and mapped here once. Everything else is a
 * 500 that says nothing about the inside; the log line carries the cause.
 */
import type { Context } from "hono";
import type { App } from "../context.ts";

export interface FieldError {
  /** JSON path of the offending field, e.g. `documents[3].text`. */
  path: string;
  message: string;
}

const TITLES: Record<number, string> = {
  400: "Bad request",
  401: "Not authenticated",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  412: "Precondition failed",
  413: "Too large",
  415: "Unsupported media type",
  422: "Not processable",
  429: "Too many requests",
  500: "Internal error",
  503: "Unavailable",
};

export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 422 | 429 | 500 | 503;

export class Problem extends Error {
  readonly status: ProblemStatus;
  /** Stable kebab-case slug of the reason; becomes `type` as `/docs#problem-<slug>`. */
  readonly slug: string;
  readonly errors: FieldError[];
  readonly headers: Record<string, string>;

  constructor(
    status: ProblemStatus,
    slug: string,
    detail: string,
    options: { errors?: FieldError[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.status = status;
    this.slug = slug;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }
}

/** The response for a problem, with the request id a caller can quote. */
export function problemResponse(c: Context<App>, problem: Problem): Response {
  const body = {
    type: `/docs#problem-${problem.slug}`,
    title: TITLES[problem.status],
    status: problem.status,
    detail: problem.message,
    request_id: c.get("request_id"),
    ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
  };
  return c.body(JSON.stringify(body), problem.status, {
    "content-type": "application/problem+json; charset=utf-8",
    ...problem.headers,
  });
}
