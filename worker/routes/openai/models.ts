/** `GET /v1/models`: names for chat, and the one model that embeds. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "../../ground/problem.ts";
import { CHAT_MODEL_NAMES } from "../../rag/answer/chat-models.ts";
import { modelParams, openAiModel, openAiModels } from "../../schemas/openai.ts";
import { declareRoute } from "../../security/access.ts";
import type { App } from "../../security/context.ts";
import { refuseInvalid } from "../../security/validation.ts";
import { json } from "../json-content.ts";

export const models = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const TAGS = ["OpenAI-compatible"];

const list = declareRoute("any", {
  method: "get",
  path: "/v1/models",
  operationId: "listModels",
  tags: TAGS,
  summary: "List the names of models",
  responses: { 200: json(openAiModels, "Names for chat, and the one model that embeds") },
});
models.openapi(list, (c) => c.json({ object: "list" as const, data: namesOf(c.env).map(view) }, 200));

const read = declareRoute("any", {
  method: "get",
  path: "/v1/models/{id}",
  operationId: "retrieveModel",
  tags: TAGS,
  summary: "Look a model up by its name",
  request: { params: modelParams },
  responses: { 200: json(openAiModel, "It is there"), 404: { description: "No such model" } },
});
models.openapi(read, (c) => {
  const { id } = c.req.valid("param");
  if (!namesOf(c.env).includes(id)) throw noSuchModel(id);
  return c.json(view(id), 200);
});

export function noSuchModel(name: string): Problem {
  const detail = `There is no model \`${name}\`: \`GET /v1/models\` lists them.`;
  return new Problem("no-such-model", detail, { errors: [{ path: "model", message: "unknown" }] });
}

function namesOf({ EMBEDDING_MODEL }: Pick<App["Bindings"], "EMBEDDING_MODEL">): string[] {
  return [...CHAT_MODEL_NAMES, EMBEDDING_MODEL];
}

/** Nobody knows when a model was made; their clients want a number. */
function view(id: string) {
  return { id, object: "model" as const, created: 0, owned_by: id.startsWith("@cf/") ? "cloudflare" : "prism" };
}
