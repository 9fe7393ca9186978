/** The `page` / `per_page` paging that most list endpoints of the API share. */
import type { Context } from "hono";
import { ok } from "./envelope.ts";
import { integerQuery } from "./request-body.ts";

interface Page<T> {
  items: T[];
  result_info: { page: number; per_page: number; count: number; total_count: number; total_pages: number };
}
/** How many items a page has, and the product's code for a request that cannot be read. */
interface PageLimits {
  default: number;
  max: number;
  code: number;
}

/** The page of `all` that the query asks for. A page past the end is empty, which is how the SDK notices the end. */
export function pageOf<T>(c: Context, all: readonly T[], limits: PageLimits): Page<T> {
  const { code } = limits;
  const page = integerQuery(c, "page", { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: 1, code });
  const per_page = integerQuery(c, "per_page", { min: 1, max: limits.max, fallback: limits.default, code });
  const items = all.slice((page - 1) * per_page, page * per_page);
  const total_pages = Math.ceil(all.length / per_page);
  return { items, result_info: { page, per_page, count: items.length, total_count: all.length, total_pages } };
}

/** The answer of an endpoint whose result is such a page. */
export function okPage(c: Context, all: readonly unknown[], limits: PageLimits): Response {
  const { items, result_info } = pageOf(c, all, limits);
  return ok(c, items, { result_info });
}
