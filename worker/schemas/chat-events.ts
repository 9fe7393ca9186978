/** The stream of an answer as the API describes it: each event by its name and its data. */
import { z } from "@hono/zod-openapi";
import { chatAnswer } from "./search.ts";

const event = <Name extends string, Data extends z.ZodType>(name: Name, data: Data) =>
  z.object({ event: z.literal(name), data });

const { found, grounded, ended, model, standalone_question, cached, degraded, request_id } = chatAnswer.shape;

export const chatEvent = z
  .union([
    event("sources", chatAnswer.shape.sources),
    event("token", z.object({ text: z.string() })),
    event("citation", chatAnswer.shape.citations.element),
    event(
      "usage",
      chatAnswer.shape.usage.extend({
        ...{ found, grounded, ended, model, standalone_question, cached, degraded, request_id },
      }),
    ),
    event("error", z.object({ status: z.number().int(), detail: z.string(), request_id: z.string() })),
  ])
  .openapi("ChatEvent", {
    description:
      "Server-sent events: `sources`, then `token` and `citation`, then `usage`; `error` if the answer broke off.",
  });
