/** Alerts: what fires, who was told, and what operators do about it; heartbeats of jobs. */
import { OpenAPIHono } from "@hono/zod-openapi";
import {
  acknowledgeAlert,
  listAlerts,
  listHeartbeats,
  silenceAlert,
  takeHeartbeat,
  testChannel,
} from "../operations/alerts.ts";
import {
  acknowledgement,
  alertList,
  alertPath,
  channelTest,
  channelTestAnswer,
  heartbeatAnswer,
  heartbeatList,
  heartbeatPath,
  heartbeatRequest,
  silenceAnswer,
  silenceRequest,
} from "../schemas/alerts.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json, jsonRequest } from "./json-content.ts";

export const alerts = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const PATH = "/api/v1/alerts";
const TAGS = ["Operations"];
const NO_SUCH_ALERT = { description: "There is no such alert" };
const DOWN = { description: "The alert state does not answer" };

const list = declareRoute("operator admin", {
  method: "get",
  path: PATH,
  tags: TAGS,
  summary: "Alerts, silences, heartbeats, deliveries and what changed lately",
  responses: { 200: json(alertList, "As of now"), 503: DOWN },
});

const acknowledge = declareRoute("operator admin", {
  method: "post",
  path: `${PATH}/{id}/ack`,
  tags: TAGS,
  summary: "Acknowledge an alert that fires",
  description: "It is escalated no further, and PagerDuty is told. Doing it twice changes nothing.",
  request: { params: alertPath },
  responses: { 200: json(acknowledgement, "Acknowledged"), 404: NO_SUCH_ALERT, 503: DOWN },
});

const silence = declareRoute("operator admin", {
  method: "post",
  path: `${PATH}/{id}/silence`,
  tags: TAGS,
  summary: "Tell nobody of an alert for a while",
  description: "Or of all alerts of a rule, by its id. One that still fires at the end is told then.",
  request: {
    params: alertPath,
    body: jsonRequest(silenceRequest),
  },
  responses: { 200: json(silenceAnswer, "Silenced"), 404: NO_SUCH_ALERT, 503: DOWN },
});

const tryChannel = declareRoute("operator admin", {
  method: "post",
  path: `${PATH}/test`,
  tags: TAGS,
  summary: "Send a test message through a channel",
  request: { body: jsonRequest(channelTest) },
  responses: {
    200: json(channelTestAnswer, "What came of it"),
    404: { description: "There is no such channel, or no valid configuration" },
  },
});

const heartbeats = declareRoute("operator ops", {
  method: "get",
  path: "/api/v1/heartbeats",
  tags: TAGS,
  summary: "Jobs as their last heartbeats left them",
  responses: { 200: json(heartbeatList, "As of now"), 503: DOWN },
});

const heartbeat = declareRoute("operator ops", {
  method: "post",
  path: "/api/v1/heartbeats/{job}",
  tags: TAGS,
  summary: "A job has begun, succeeded or failed",
  description:
    "One that does not report by its due time and grace is an alert. A start that names its run takes the job: no other run may begin until it ends, or its grace is over.",
  request: {
    params: heartbeatPath,
    body: jsonRequest(heartbeatRequest),
  },
  responses: {
    200: json(heartbeatAnswer, "Taken down"),
    404: { description: "A new job, and there are too many already" },
    409: { description: "Another run has the job, or was for this date" },
    503: DOWN,
  },
});

alerts.openapi(list, async (c) => c.json(await listAlerts(c.var.work), 200));

alerts.openapi(acknowledge, async (c) => c.json(await acknowledgeAlert(c.var.work, c.req.valid("param").id), 200));

alerts.openapi(silence, async (c) =>
  c.json(await silenceAlert(c.var.work, c.req.valid("param").id, c.req.valid("json")), 200),
);

alerts.openapi(tryChannel, async (c) => c.json(await testChannel(c.var.work, c.req.valid("json").channel), 200));

alerts.openapi(heartbeats, async (c) => c.json(await listHeartbeats(c.var.work), 200));

alerts.openapi(heartbeat, async (c) =>
  c.json(await takeHeartbeat(c.var.work, c.req.valid("param").job, c.req.valid("json")), 200),
);
