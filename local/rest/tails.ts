/** `/workers/scripts/:name/tails`: what `wrangler tail` asks for. The websocket itself is in `tail-socket.ts`. */
import { Hono } from "hono";
import { z } from "zod";
import type { TailFilter, TailSessions } from "../telemetry/tail-sessions.ts";
import { ApiError, ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";
import { WORKERS_MALFORMED } from "./script-upload.ts";
import type { WorkerStore } from "./worker-store.ts";

const TOO_MANY_TAILS = 10_057;
const NO_SUCH_TAIL = 10_058;
/** Where the platform is reached: this machine alone. */
const OWN_ADDRESS = "127.0.0.1";

const filter = z.union([
  z.strictObject({ sampling_rate: z.number().gt(0).lt(1) }),
  z.strictObject({ outcome: z.array(z.string()).min(1) }),
  z.strictObject({ method: z.array(z.string()).min(1) }),
  z.strictObject({ header: z.strictObject({ key: z.string().min(1), query: z.string().optional() }) }),
  z.strictObject({
    client_ip: z.array(z.string().transform((ip) => (ip === "self" ? OWN_ADDRESS : ip))).min(1),
  }),
  z.strictObject({ query: z.string().min(1) }),
  z.strictObject({ scriptVersion: z.string().min(1) }),
]) satisfies z.ZodType<TailFilter>;
const tailBody = z.looseObject({ filters: z.array(filter).default([]) });

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
