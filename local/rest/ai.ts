/** `POST /ai/run/{model}`: Workers AI by REST, the binding's answer in the envelope. A model's id has slashes. */
import { Hono } from "hono";
import type { AiService } from "../ai/service.ts";
import { ApiError, ok } from "./envelope.ts";

/** Routes below `/accounts/:account_id`. */
export function aiRoutes(ai: Pick<AiService, "run">): Hono {
  return new Hono().post("/ai/run/:model{.+}", async (c) => {
    const asked = { model: c.req.param("model"), inputs: await c.req.json() };
    const answer = await ai.run(asked, c.req.raw.signal);
    if (answer.ok) return ok(c, await answer.json());
    const [, code = "3040", message = ""] = /^(\d+): (.*)$/s.exec(await answer.text()) ?? [];
    throw new ApiError(answer.status === 400 ? 400 : 500, Number(code), message);
  });
}
