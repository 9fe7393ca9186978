/** `/ask`: a question box for whoever has a key. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { ASK_SCRIPT_PATH, askPage } from "../pages/app-pages.ts";
import { ASK_SCRIPT } from "../pages/page-scripts.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { SCRIPT, SCRIPTED_PAGE } from "./page-headers.ts";

export const ask = new OpenAPIHono<App>();

const characters = z.string();

const page = declareRoute("open", {
  method: "get",
  path: "/ask",
  tags: ["Questions"],
  summary: "A page with a question box",
  description:
    "A shell without data. It asks for a key with the scope `chat`, keeps it in the tab, and streams answers.",
  responses: { 200: { description: "A page", content: { "text/html": { schema: characters } } } },
});

const script = declareRoute("open", {
  method: "get",
  path: ASK_SCRIPT_PATH,
  hide: true,
  responses: { 200: { description: "The page's script", content: { "text/javascript": { schema: characters } } } },
});

ask.openapi(page, (c) => c.html(askPage(), 200, SCRIPTED_PAGE));
ask.openapi(script, (c) => c.body(ASK_SCRIPT, 200, SCRIPT));
