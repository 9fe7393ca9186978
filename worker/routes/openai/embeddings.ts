/** `POST /v1/embeddings`, with the model that the index is made with. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "../../ground/problem.ts";
import { embedTexts } from "../../operations/embed-texts.ts";
import { embeddingsAnswer, embeddingsRequest } from "../../schemas/openai.ts";
import { declareRoute } from "../../security/access.ts";
import type { App } from "../../security/context.ts";
import { refuseInvalid } from "../../security/validation.ts";
import { json, jsonRequest } from "../json-content.ts";
import { noSuchModel } from "./models.ts";

export const embeddings = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const route = declareRoute("read", {
  method: "post",
  path: "/v1/embeddings",
  operationId: "createEmbedding",
  tags: ["OpenAI-compatible"],
  summary: "Turn texts into vectors",
  description: "By the model of the index, so that the vectors can be compared with those of its documents.",
  request: { body: jsonRequest(embeddingsRequest) },
  responses: {
    200: json(embeddingsAnswer, "One vector for each text"),
    404: { description: "No such model" },
    503: { description: "The embedding model cannot be reached" },
  },
});

embeddings.openapi(route, async (c) => {
  const { input, model, encoding_format, dimensions, prism } = c.req.valid("json");
  if (model !== c.env.EMBEDDING_MODEL) throw noSuchModel(model);
  const { vectors, tokens } = await embedTexts(c.var.work, { texts: [input].flat(), kind: prism.kind });
  const length = vectors[0]?.length ?? 0;
  if ((dimensions ?? length) !== length) {
    const message = `must be ${length}, or absent: the vectors of ${model} are not shortened`;
    throw new Problem("invalid-request", `\`dimensions\`: ${message}.`, { errors: [{ path: "dimensions", message }] });
  }
  const encode = encoding_format === "base64" ? inBase64 : (vector: number[]) => vector;
  const data = vectors.map((vector, index) => ({ object: "embedding" as const, index, embedding: encode(vector) }));
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return c.json({ object: "list" as const, model, data, usage }, 200);
});

/** The bytes of little-endian float32, as OpenAI's clients read them. */
function inBase64(vector: number[]): string {
  const bytes = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, index) => {
    bytes.setFloat32(index * 4, value, true);
  });
  return btoa(String.fromCharCode(...new Uint8Array(bytes.buffer)));
}
