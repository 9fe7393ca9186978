/** Ratings of answers. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { rateAnswer } from "../operations/rate-answer.ts";
import { jobAccepted } from "../schemas/documents.ts";
import { feedbackBody, storedFeedback } from "../schemas/feedback.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { answerDeferred } from "./deferred-answer.ts";
import { json, jsonRequest } from "./json-content.ts";

export const feedback = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const rate = declareRoute("chat", {
  method: "post",
  path: "/api/v1/feedback",
  tags: ["Answers"],
  summary: "Rate an answer",
  description: "A second rating of the same answer by the same key replaces the first.",
  request: { body: jsonRequest(feedbackBody) },
  responses: {
    201: json(storedFeedback, "The rating is stored"),
    202: json(jobAccepted, "A store is being replaced: the rating is stored in a moment"),
    503: { description: "The rating could not be stored" },
  },
});

feedback.openapi(rate, async (c) => {
  const { request_id, rating, comment } = c.req.valid("json");
  const outcome = await rateAnswer(c.var.work, { request_id, rating, comment: comment ?? null });
  return "done" in outcome ? c.json(outcome.done, 201) : answerDeferred(c, outcome);
});
