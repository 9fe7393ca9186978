/**
 * Cloudflare's REST API on this machine, to be mounted at `/client/v4`: what ops, Pulumi, wrangler and the official
 * SDK call, with Cloudflare's envelope, error codes, paging, limits and refusals. One file per noun beside this one.
 *
 * Faces translate; the engine owns workerd and the files. `platform.ts` composes the two.
 */
import { Hono } from "hono";
import type { AiService } from "../ai/service.ts";
import type { Engine } from "../engine.ts";
import type { AnalyticsPoints } from "../telemetry/analytics-points.ts";
import type { LogStore } from "../telemetry/log-store.ts";
import type { TailSessions } from "../telemetry/tail-sessions.ts";
import type { TimeTravel } from "../time-travel.ts";
import { accountTokenRoutes } from "./account-tokens.ts";
import { accountRoutes } from "./accounts.ts";
import { aiRoutes } from "./ai.ts";
import { alertingRoutes } from "./alerting.ts";
import { analyticsEngineRoutes } from "./analytics-engine.ts";
import { type ApiToken, type Authenticated, authenticate, requireScope } from "./credentials.ts";
import { d1Routes } from "./d1.ts";
import { ApiError, envelopeErrors, fail } from "./envelope.ts";
import { kvRoutes } from "./kv.ts";
import { logpushRoutes } from "./logpush.ts";
import type { QueueBroker } from "./queue-broker.ts";
import { queueRoutes } from "./queues.ts";
import { r2Routes } from "./r2.ts";
import { r2ObjectRoutes } from "./r2-objects.ts";
import { requestBudget } from "./request-budget.ts";
import { scheduleRoutes } from "./schedules.ts";
import { scriptRoutes } from "./scripts.ts";
import { secretRoutes } from "./secrets.ts";
import { SignedFiles } from "./signed-files.ts";
import { tailRoutes } from "./tails.ts";
import { telemetryRoutes } from "./telemetry.ts";
import { versionRoutes } from "./versions.ts";
import { WorkerStore } from "./worker-store.ts";
import { workersBetaRoutes } from "./workers-beta.ts";
import { zoneRoutes } from "./zones.ts";
import { customDomainRoutes } from "./zones-custom-domains.ts";
import { rulesetRoutes } from "./zones-rulesets.ts";

interface RestApiDeps {
  engine: Engine;
  ai: Pick<AiService, "run">;
  /** The Vectorize v2 routes, from `/accounts/:account_id` down. */
  vectorize: Hono;
  /** Who may call; read at each request, so that a token can be added or revoked while the platform runs. */
  tokens: () => readonly ApiToken[];
  timeTravel: TimeTravel;
  /** Holds and delivers every queue's messages; the Worker's producer bindings reach it by `queue-binding-worker.js`. */
  queues: QueueBroker;
  /** What the scripts logged. */
  logs: LogStore;
  tails: TailSessions;
  /** Data points of Analytics Engine. */
  points: AnalyticsPoints;
  /** Requests each token has in five minutes: true is Cloudflare's 1200, false none (see request-budget.ts). */
  budget: boolean | number;
  /** What the account pays for: Logpush, CPU limits, health checks and some notifications exist on `paid` only. Free when left out. */
  plan?: "free" | "paid";
}

/** The whole API as one Hono app. Anything it does not know answers 404 with code 7003, as Cloudflare does. */
export function restApi(deps: RestApiDeps): Hono<Authenticated> {
  const { engine, ai, vectorize, tokens, timeTravel, queues, logs, tails, points, budget, plan = "free" } = deps;
  const files = new SignedFiles(() => engine.now());
  const store = new WorkerStore(engine, plan);

  const account = new Hono();
  for (const routes of [
    d1Routes({ engine, timeTravel, files }),
    kvRoutes(engine),
    r2Routes(engine),
    r2ObjectRoutes(engine),
    queueRoutes(engine, queues),
    scriptRoutes(store),
    versionRoutes(store),
    scheduleRoutes(store),
    secretRoutes(store),
    telemetryRoutes(engine, logs),
    tailRoutes(store, tails),
    analyticsEngineRoutes(points),
    aiRoutes(ai),
    workersBetaRoutes(store),
    accountTokenRoutes(engine),
    logpushRoutes(engine, plan),
    alertingRoutes(engine, plan),
    customDomainRoutes(engine),
  ])
    account.route("/", routes);

  return new Hono<Authenticated>()
    .onError(envelopeErrors)
    .route("/", files.routes())
    .use(
      authenticate(tokens),
      requestBudget(budget, () => engine.now()),
      requireScope,
    )
    .post("/graphql", (c) =>
      c.json({ data: null, errors: [{ message: "the local platform keeps no GraphQL analytics", path: null }] }),
    )
    .route("/", accountRoutes(engine, plan))
    .route("/", zoneRoutes(engine, plan))
    .route("/", rulesetRoutes(engine, plan))
    .use("/accounts/:account_id/*", async (c, next) => {
      const id = c.req.param("account_id");
      if (id !== engine.account_id)
        throw new ApiError(403, 10000, `Authentication error: the token has no account ${id}`);
      await next();
    })
    .route("/accounts/:account_id", account)
    .route("/", vectorize)
    .all("*", (c) =>
      fail(c, 404, 7003, `Could not route to ${c.req.path}, perhaps your object identifier is invalid?`),
    );
}
