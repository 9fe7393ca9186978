/**
 * What the API is, for machines (`/openapi.json`), for humans (`/docs`), and for whoever lands at `/`.
 *
 * All of it derives from the routes' own declarations. Nothing here needs a key.
 */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { accepts } from "hono/accepts";
import { docsBody, docsPage, landingPage } from "../pages/docs-page.ts";
import { exampleOf } from "../pages/docs-schema.ts";
import type { ApiDocument, MediaTypes } from "../pages/docs-types.ts";
import { STYLE_PATH } from "../pages/frame.ts";
import { PAGE_STYLE } from "../pages/style.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { originOf } from "./origin.ts";

const NAME = "PRISM";
const SUMMARY = "Retrieval-augmented generation that spends few tokens: documents in, answers with citations out.";

const INFO = {
  title: NAME,
  version: "1",
  description:
    `${SUMMARY}\n\nErrors are RFC 9457 problem documents. Unknown fields are refused. Times are ISO 8601 in UTC. Lengths of texts are counted in UTF-16 code units.` +
    " Every answer has an `X-Request-Id`; quote it when something is wrong.",
  license: { name: "Apache-2.0", identifier: "Apache-2.0" },
};

/** The document and the pages change with a deployment only. */
const CACHEABLE = { "cache-control": "public, max-age=300" };

const TAGS = ["Documentation"];
const html = z.string();

const landing = declareRoute("open", {
  method: "get",
  path: "/",
  tags: TAGS,
  summary: "What this service is",
  responses: {
    200: {
      description: "By `Accept`: a page or JSON",
      content: {
        "application/json": {
          schema: z.object({
            name: z.string(),
            summary: z.string(),
            docs: z.string(),
            openapi: z.string(),
            health: z.string(),
          }),
        },
        "text/html": { schema: html },
      },
    },
  },
});

const specification = declareRoute("open", {
  method: "get",
  path: "/openapi.json",
  tags: TAGS,
  summary: "This description, as OpenAPI 3.1",
  responses: {
    200: {
      description: "An OpenAPI document",
      content: { "application/json": { schema: z.record(z.string(), z.unknown()) } },
    },
  },
});

const page = declareRoute("open", {
  method: "get",
  path: "/docs",
  tags: TAGS,
  summary: "This description, as a page",
  responses: { 200: { description: "A page", content: { "text/html": { schema: html } } } },
});

const style = declareRoute("open", {
  method: "get",
  path: STYLE_PATH,
  hide: true,
  responses: { 200: { description: "The pages' stylesheet", content: { "text/css": { schema: html } } } },
});

/** The documentation of `root`, for mounting at `/` as its last part; it is made at the first request. */
export function documentationOf(root: OpenAPIHono<App>): OpenAPIHono<App> {
  root.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "An API key (`prism_<id>_<secret>`) or a token from `POST /api/v1/auth/token`.",
  });
  root.openAPIRegistry.registerComponent("securitySchemes", "api_key", {
    type: "apiKey",
    in: "header",
    name: "X-API-Key",
    description: "The same credentials, for clients that cannot set `Authorization`.",
  });
  root.openAPIRegistry.registerComponent("securitySchemes", "webhook", {
    type: "apiKey",
    in: "header",
    name: "cf-webhook-auth",
    description: "The secret of the webhook (`ALERT_WEBHOOK_SECRET`), which Cloudflare sends with its notifications.",
  });

  let document: ApiDocument | null = null;
  const describe = (): ApiDocument => {
    document ??= withExamples(
      JSON.parse(JSON.stringify(root.getOpenAPI31Document({ openapi: "3.1.0", info: INFO }))) as ApiDocument,
    );
    return document;
  };
  let body: string | null = null;

  const app = new OpenAPIHono<App>({ defaultHook: refuseInvalid });
  app.openapi(specification, (c) => c.json({ ...describe(), servers: [{ url: originOf(c) }] }, 200, CACHEABLE));
  app.openapi(page, async (c) => {
    body ??= String(await docsBody(describe()));
    return c.html(docsPage(describe().info, body, originOf(c)), 200, CACHEABLE);
  });
  app.openapi(style, (c) => c.body(PAGE_STYLE, 200, { ...CACHEABLE, "content-type": "text/css; charset=utf-8" }));
  app.openapi(landing, (c) => {
    c.header("vary", "Accept", { append: true });
    const wanted = accepts(c, {
      header: "Accept",
      supports: ["application/json", "text/html"],
      default: "application/json",
    });
    if (wanted === "text/html") return c.html(landingPage(NAME, SUMMARY, originOf(c)), 200, CACHEABLE);
    const links = { docs: "/docs", openapi: "/openapi.json", health: "/health" };
    return c.json({ name: NAME, summary: SUMMARY, ...links }, 200, CACHEABLE);
  });
  return app;
}

/** Every JSON body and answer gets an example, made from the examples of its fields. */
function withExamples(document: ApiDocument): ApiDocument {
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  for (const { requestBody, responses } of operations) {
    for (const { content } of [requestBody ?? {}, ...Object.values(responses)] as { content?: MediaTypes }[]) {
      for (const media of Object.values(content ?? {}))
        if (media.schema !== undefined) media.example ??= exampleOf(media.schema, document.components.schemas ?? {});
    }
  }
  return document;
}
