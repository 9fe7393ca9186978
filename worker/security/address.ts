import type { Context } from "hono";
import type { App } from "./context.ts";

/**
 * The caller's address. Cloudflare sets the header and overwrites what a client sends under that name; where it is
 * missing (a Worker called without the edge in front), all callers share one bucket rather than having none.
 */
export function clientAddress(c: Context<App>): string {
  return c.req.header("cf-connecting-ip") ?? "unknown";
}
