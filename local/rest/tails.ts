/** `/workers/scripts/:name/tails`: what `wrangler tail` asks for. The websocket itself is in `tail-socket.ts`. */
import { Hono } from "hono";
import { z } from "zod";
import { type TailSessions, tailFilter } from "../telemetry/tail-sessions.ts";
import { ApiError, ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";
import { WORKERS_MALFORMED } from "./script-upload.ts";
import type { WorkerStore } from "./worker-store.ts";

const TOO_MANY_TAILS = 10_057;
const NO_SUCH_TAIL = 10_058;
const tailBody = z.looseObject({ filters: z.array(tailFilter).default([]) });

/** Routes below `/accounts/:account_id`. */
export function tailRoutes(store: WorkerStore, tails: TailSessions): Hono {
  const shown = ({ id, expires_ms }: { id: string; expires_ms: number }, url: string) => {
    const { host } = new URL(url);
    return { id, url: `ws://${host}/local/tails/${id}`, expires_at: new Date(expires_ms).toISOString() };
  };
  return new Hono()
    .get("/workers/scripts/:name/tails", (c) => {
      const [newest] = tails.of(store.script(c.req.param("name")).id).toReversed();
      return ok(c, newest ? shown(newest, c.req.url) : null);
    })
    .post("/workers/scripts/:name/tails", async (c) => {
      const { id } = store.script(c.req.param("name"));
      const { filters } = await jsonBody(c, tailBody, WORKERS_MALFORMED);
      const session = tails.open(id, filters);
      if (!session) throw new ApiError(429, TOO_MANY_TAILS, `Worker ${id} has as many tails as it may have: end one`);
      return ok(c, shown(session, c.req.url));
    })
    .delete("/workers/scripts/:name/tails/:id", (c) => {
      const { id } = store.script(c.req.param("name"));
      const tail = c.req.param("id");
      if (!tails.of(id).some((session) => session.id === tail) || !tails.end(tail))
        throw new ApiError(404, NO_SUCH_TAIL, `Worker ${id} has no tail ${tail}`);
      return ok(c, null);
    });
}
