/** The Hono app: security first, then the routes. A route is declared in its noun's file, with who may call it. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { alerts } from "./routes/alerts.ts";
import { audit } from "./routes/audit.ts";
import { auth } from "./routes/auth.ts";
import { batches } from "./routes/batches.ts";
import { chat } from "./routes/chat.ts";
import { defence } from "./routes/defence.ts";
import { documents } from "./routes/documents.ts";
import { feedback } from "./routes/feedback.ts";
import { health } from "./routes/health.ts";
import { incidents } from "./routes/incidents.ts";
import { keys } from "./routes/keys.ts";
import { mcp } from "./routes/mcp/mcp.ts";
import { metrics } from "./routes/metrics.ts";
import { notifications } from "./routes/notifications.ts";
import { completions } from "./routes/openai/completions.ts";
import { embeddings } from "./routes/openai/embeddings.ts";
import { models } from "./routes/openai/models.ts";
import { documentationOf } from "./routes/openapi.ts";
import { search } from "./routes/search.ts";
import { status } from "./routes/status.ts";
import { usage } from "./routes/usage.ts";
import type { App } from "./security/context.ts";
import { secure } from "./security/secure.ts";
import { refuseInvalid } from "./security/validation.ts";

export function createApp(): OpenAPIHono<App> {
  const app = new OpenAPIHono<App>({ defaultHook: refuseInvalid });
  secure(app);
  for (const routes of [
    health,
    search,
    chat,
    batches,
    documents,
    keys,
    auth,
    feedback,
    notifications,
    metrics,
    completions,
    models,
    embeddings,
    mcp,
    audit,
    defence,
    usage,
    status,
    incidents,
    alerts,
  ])
    app.route("/", routes);
  app.route("/", documentationOf(app));
  return app;
}
