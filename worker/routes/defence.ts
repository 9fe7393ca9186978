/** The operator's switches: mode and blocklist. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { blockNetwork, findBlocks, findMode, liftBlock, listBlocks, setMode } from "../operations/defence.ts";
import { securityMetricsOf } from "../operations/security-metrics.ts";
import {
  blockPath,
  blockRequest,
  blocksView,
  blockView,
  modeChange,
  modeView,
  securityMetrics,
} from "../schemas/defence.ts";
import { periodQuery } from "../schemas/metrics.ts";
import { declareRoute } from "../security/access.ts";
import { clientAddress } from "../security/address.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json, jsonRequest } from "./json-content.ts";

export const defence = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const TAGS = ["Defence"];
const MODE = "/api/v1/mode";
const BLOCKS = "/api/v1/blocklist";
const BLOCK = `${BLOCKS}/{ip}` as const;
const NOT_BLOCKED = { description: "No block holds it" };

const mode = declareRoute("operator admin", {
  method: "get",
  path: MODE,
  tags: TAGS,
  summary: "The mode of the service",
  responses: { 200: json(modeView, "As it was set last") },
});

const changeMode = declareRoute("operator admin", {
  method: "put",
  path: MODE,
  tags: TAGS,
  summary: "Set the mode of the service",
  description: "Acts everywhere within a minute and a half. Health, status and documentation stay open in every mode.",
  request: { body: jsonRequest(modeChange) },
  responses: { 200: json(modeView, "The mode from now on") },
});

const list = declareRoute("operator admin", {
  method: "get",
  path: BLOCKS,
  tags: TAGS,
  summary: "All blocks, since when and why",
  responses: { 200: json(blocksView, "The blocks that have not ended") },
});

const find = declareRoute("operator admin", {
  method: "get",
  path: BLOCK,
  tags: TAGS,
  summary: "Whether an address is blocked, and why",
  request: { params: blockPath },
  responses: { 200: json(blocksView, "The blocks that hold it"), 404: NOT_BLOCKED },
});

const block = declareRoute("operator admin", {
  method: "put",
  path: BLOCK,
  tags: TAGS,
  summary: "Block an address or a network",
  description:
    "Acts everywhere within a minute and a half. A network in CIDR notation has its slash encoded: `203.0.113.0%2F24`.",
  request: {
    params: blockPath,
    body: jsonRequest(blockRequest),
  },
  responses: { 200: json(blockView, "The block") },
});

const lift = declareRoute("operator admin", {
  method: "delete",
  path: BLOCK,
  tags: TAGS,
  summary: "Lift the block of exactly this address or network",
  request: { params: blockPath },
  responses: { 204: { description: "Lifted" }, 404: NOT_BLOCKED },
});

const security = declareRoute("operator admin", {
  method: "get",
  path: "/debug/security-metrics",
  tags: TAGS,
  summary: "Who was kept out and why, and keys that behave unlike themselves",
  request: { query: periodQuery },
  responses: { 200: json(securityMetrics, "Counts of a period"), 503: { description: "The meter does not answer" } },
});

defence.openapi(security, async (c) => c.json(await securityMetricsOf(c.var.work, c.req.valid("query").period), 200));
defence.openapi(mode, async (c) => c.json(await findMode(c.var.work), 200));
defence.openapi(changeMode, async (c) => c.json(await setMode(c.var.work, c.req.valid("json")), 200));
defence.openapi(list, async (c) => c.json(await listBlocks(c.var.work), 200));
defence.openapi(find, async (c) => c.json(await findBlocks(c.var.work, c.req.valid("param").ip), 200));
defence.openapi(block, async (c) => {
  const { ip } = c.req.valid("param");
  return c.json(await blockNetwork(c.var.work, ip, c.req.valid("json"), clientAddress(c)), 200);
});
defence.openapi(lift, async (c) => {
  await liftBlock(c.var.work, c.req.valid("param").ip);
  return c.body(null, 204);
});
