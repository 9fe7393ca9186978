/** The target of a request: path and query as they were sent. */
import type { Context } from "hono";
import { Problem } from "../ground/problem.ts";
import type { App } from "./context.ts";

/** Without the origin, which is the client's word: a `Host` may be no host at all. */
export function pathAndQuery(c: Context<App>): string {
  const { url } = c.req;
  return url.slice(url.indexOf("/", url.indexOf("://") + "://".length));
}

/** Throws an `invalid-request` problem where percent-encoding is no UTF-8: the router would take it literally. */
export function requireUtf8Target(c: Context<App>): void {
  const target = pathAndQuery(c);
  if (!target.includes("%")) return;
  try {
    decodeURIComponent(target);
  } catch {
    throw new Problem(
      "invalid-request",
      "The path or query is not percent-encoded UTF-8. `%` itself is written `%25`.",
    );
  }
}
