import { OpenAPIHono, z } from "@hono/zod-openapi";
import { expect, test } from "vitest";
import { createApp } from "../app.ts";
import { declareRoute, undeclaredRoutes } from "./access.ts";
import type { App } from "./context.ts";

test("every route of the service has a decision on who may call it", () => {
  expect(undeclaredRoutes(createApp())).toEqual([]);
});

test("a route that was registered past the declaration is found", () => {
  const app = new OpenAPIHono<App>();
  const responses = { 200: { description: "ok", content: { "text/plain": { schema: z.string() } } } };
  app.openapi(declareRoute("read", { method: "get", path: "/declared", responses }), (c) => c.text("ok", 200));
  app.get("/forgotten", (c) => c.text("ok"));
  app.post("/declared", (c) => c.text("ok"));
  expect(undeclaredRoutes(app)).toEqual(["GET /forgotten", "POST /declared"]);
});
