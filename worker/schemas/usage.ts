/** What a day has used: by whom, of which models, at what price, and how good it was found. */
import { z } from "@hono/zod-openapi";
import { byResource } from "./allowances.ts";

const amount = z.number();

export const usageSummary = z
  .object({
    date: z.iso.date().openapi({ description: "The current day, UTC." }),
    users: z.object({ active: z.int(), new: z.int() }).openapi({
      description:
        "Distinct keys, and sessions of keys, that called this day; new: for the first time in 31 days. Whoever has no valid key is not among them.",
    }),
    requests: z.object({
      total: z.int(),
      by_model: z.record(z.string(), z.int()).openapi({ description: "Answers by the chat model that made them." }),
    }),
    tokens: z.object({ input: z.int(), output: z.int(), saved: z.int(), savings_percentage: z.number() }),
    cost: z.object({
      estimated_usd: z.number().openapi({
        description:
          "Neurons of chat models at list price, as if none were free. Embeddings and the other resources are not in it.",
      }),
      per_1k_tokens_usd: z.number().nullable().openapi({ description: "Of tokens in and out; null without any." }),
      free_tier_remaining: z
        .object(byResource(amount))
        .openapi({ description: "What is left of the day's free allowances." }),
      free_tier_runs_out_at: z
        .object(byResource(z.iso.datetime().nullable()))
        .openapi({ description: "When each is expected to be used up; null: not this day." }),
    }),
    quality: z
      .object({ rating_mean: z.number().min(1).max(5).nullable(), ratings: z.int() })
      .openapi({ description: "Ratings that were given this day." }),
  })
  .openapi("UsageSummary");
export type UsageSummary = z.infer<typeof usageSummary>;
