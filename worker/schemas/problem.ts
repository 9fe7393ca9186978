/** Problem documents (RFC 9457) as OpenAPI shows them. */
import { z } from "@hono/zod-openapi";

export const problemSchema = z
  .strictObject({
    type: z.string().openapi({ description: "A path of this service that explains the reason." }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().openapi({ description: "What was refused, why, and what to do." }),
    request_id: z.string().openapi({ description: "Quote it when you report a problem." }),
    errors: z
      .array(z.strictObject({ path: z.string().openapi({ example: "documents[3].text" }), message: z.string() }))
      .optional()
      .openapi({ description: "Fields that do not fit the schema, at most 20." }),
  })
  .openapi("Problem", {
    example: {
      type: "/docs#problem-rate-limited",
      title: "Too many requests",
      status: 429,
      detail: "More than 600 requests in 60 s. Wait, then continue slower.",
      request_id: "6f1c0f0e-4f0e-4d7e-9b1a-0c6c1f3f9d11",
    },
  });

/** What OpenAI's clients read: https://platform.openai.com/docs/guides/error-codes */
export const openAiErrorSchema = z
  .strictObject({
    error: z.strictObject({
      message: z.string(),
      type: z.enum(["invalid_request_error", "requests", "insufficient_quota", "server_error"]),
      param: z.string().nullable().openapi({ description: "The field that was refused." }),
      code: z.string().openapi({ description: "The reason, for programs." }),
    }),
  })
  .openapi("OpenAiError", {
    example: {
      error: {
        message: "There is no model `gpt-9`: `GET /v1/models` lists them.",
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    },
  });

/** A refusal of `/mcp` that comes before the protocol: https://www.jsonrpc.org/specification#error_object */
export const rpcErrorSchema = z
  .strictObject({
    jsonrpc: z.literal("2.0"),
    id: z.union([z.string(), z.int()]).nullable(),
    error: z.strictObject({
      code: z.int(),
      message: z.string(),
      data: problemSchema.optional().openapi({ description: "Not where the protocol itself was not kept." }),
    }),
  })
  .openapi("RpcError");
