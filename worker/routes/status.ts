/** The status page and what else tells of it: open to anybody, one reading of the book for all callers of some seconds. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { iso, isoOrNull } from "../ground/time.ts";
import { type PublicStatus, publicStatus } from "../operations/status.ts";
import { statusBadge, statusFeed } from "../pages/status-feed.ts";
import { statusPage } from "../pages/status-page.ts";
import { COMPONENT_NAMES } from "../pages/status-words.ts";
import { badgeQuery, status as statusSchema } from "../schemas/status.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json } from "./json-content.ts";
import { originOf } from "./origin.ts";

export const status = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const tags = ["Status"];
const characters = z.string();
const CACHEABLE = { "cache-control": "public, max-age=15" };

const page = declareRoute("open", {
  method: "get",
  path: "/status",
  tags,
  summary: "How the service is and was, as a page",
  description: "History of 90 days a component, incidents with their updates, maintenance. Needs no script.",
  responses: { 200: { description: "A page", content: { "text/html": { schema: characters } } } },
});

const asJson = declareRoute("open", {
  method: "get",
  path: "/status.json",
  tags,
  summary: "The status page for programs",
  responses: { 200: json(statusSchema, "The status, whatever it is") },
});

const feed = declareRoute("open", {
  method: "get",
  path: "/status.rss",
  tags,
  summary: "Incidents and maintenance as a feed",
  responses: { 200: { description: "RSS 2.0", content: { "application/rss+xml": { schema: characters } } } },
});

const badge = declareRoute("open", {
  method: "get",
  path: "/status/badge.svg",
  tags,
  summary: "The status as a badge",
  request: { query: badgeQuery },
  responses: { 200: { description: "A drawing", content: { "image/svg+xml": { schema: characters } } } },
});

/** Hundreds of bars are made once for all who see the same status, not once a call. */
const pages = new WeakMap<PublicStatus, string>();

status.openapi(page, async (c) => {
  const found = await publicStatus(c.var.work);
  const text = pages.get(found) ?? String(await statusPage(found));
  pages.set(found, text);
  return c.html(text, 200, CACHEABLE);
});

status.openapi(asJson, async (c) => c.json(view(await publicStatus(c.var.work)), 200, CACHEABLE));

status.openapi(feed, async (c) =>
  c.body(statusFeed(await publicStatus(c.var.work), originOf(c)), 200, {
    ...CACHEABLE,
    "content-type": "application/rss+xml; charset=utf-8",
  }),
);

status.openapi(badge, async (c) => {
  const { component } = c.req.valid("query");
  const { overall, components } = await publicStatus(c.var.work);
  const state = component === undefined ? overall : (components.find(({ id }) => id === component)?.state ?? "unknown");
  return c.body(statusBadge(component ?? "service", state), 200, {
    ...CACHEABLE,
    "content-type": "image/svg+xml; charset=utf-8",
  });
});

function view(found: PublicStatus): z.infer<typeof statusSchema> {
  const { generated_at_ms, checked_at_ms, data, overall, components, incidents, maintenance } = found;
  return {
    generated_at: iso(generated_at_ms),
    checked_at: isoOrNull(checked_at_ms),
    data,
    status: overall,
    components: components.map(({ state, ...rest }) => ({
      ...rest,
      name: COMPONENT_NAMES[rest.id].name,
      status: state,
    })),
    incidents: incidents.map(({ entries, started_at_ms, resolved_at_ms, ...facts }) => ({
      ...facts,
      started_at: iso(started_at_ms),
      resolved_at: isoOrNull(resolved_at_ms),
      timeline: entries.map(({ at_ms, state, text: told }) => ({ at: iso(at_ms), state, text: told })),
    })),
    maintenance: maintenance.map(({ starts_at_ms, ends_at_ms, ...facts }) => ({
      ...facts,
      starts_at: iso(starts_at_ms),
      ends_at: iso(ends_at_ms),
    })),
  };
}
