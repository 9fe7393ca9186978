/** What callers think of an answer. */
import { z } from "@hono/zod-openapi";
import { FEEDBACK_COMMENT_CHARS_MAX } from "../limits.ts";
import { plainText } from "./documents.ts";

export const feedbackBody = z
  .strictObject({
    request_id: z
      .string()
      .regex(/^[\w.-]{8,64}$/, "the `X-Request-Id` of the answer")
      .openapi({ description: "The `X-Request-Id` of the answer.", example: "6f1c0f0e-4f0e-4d7e-9b1a-0c6c1f3f9d11" }),
    rating: z.int().min(1).max(5).openapi({ description: "1: useless, 5: perfect." }),
    comment: plainText.trim().max(FEEDBACK_COMMENT_CHARS_MAX).optional(),
  })
  .openapi("Feedback");

export const storedFeedback = z
  .object({ request_id: z.string(), rating: z.int(), comment: z.string().nullable() })
  .openapi("StoredFeedback");
