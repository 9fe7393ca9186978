/** Where the service is, as the caller calls it. */
import type { Context } from "hono";
import type { App } from "../security/context.ts";

/** The origin of the request, e.g. `https://prism.example.com`. */
export function originOf(c: Context<App>): string {
  // `Host` is the client's word, and need not be one.
  return URL.canParse(c.req.url) ? new URL(c.req.url).origin : "https://prism.example";
}
