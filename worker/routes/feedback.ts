/** Ratings of answers. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { App } from "../context.ts";
import { jobAccepted } from "../schemas/documents.ts";
import { feedbackBody, storedFeedback } from "../schemas/feedback.ts";
import { declareRoute } from "../security/access.ts";
import { refuseInvalid } from "../security/validation.ts";
import { feedbackStatement } from "../store/feedback.ts";
import { writeOrDefer } from "./deferral.ts";

export const feedback = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const rate = declareRoute("chat", {
  method: "post",
  path: "/api/v1/feedback",
  tags: ["Answers"],
  summary: "Rate an answer",
  description: "A second rating of the same answer by the same key replaces the first.",
  request: { body: { required: true, content: { "application/json": { schema: feedbackBody } } } },
  responses: {
    201: { description: "The rating is stored", content: { "application/json": { schema: storedFeedback } } },
    202: {
      description: "A store is being replaced: the rating is stored in a moment",
      content: { "application/json": { schema: jobAccepted } },
    },
    503: { description: "The rating could not be stored" },
  },
});

feedback.openapi(rate, async (c) => {
  const { request_id, rating, comment } = c.req.valid("json");
  const { key_id, tenant } = c.get("principal");
  const stored = { request_id, rating, comment: comment ?? null };
  const row = { ...stored, key_id, tenant, created_at_ms: Date.now() };
  const outcome = await writeOrDefer(c, { type: "feedback", feedback: row }, row.created_at_ms, () =>
    c.get("timings").measure("db", () => feedbackStatement(c.env.DB, row).run()),
  );
  return "response" in outcome ? outcome.response : c.json(stored, 201);
});
