/** The audit log: reported to, read, exported, verified. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { pageOfEntries, reportAction } from "../operations/audit-log.ts";
import { complianceCsv, complianceReportOf, exportEntries } from "../operations/export-audit.ts";
import { verifyIntegrity } from "../operations/verify-audit.ts";
import {
  auditExportQuery,
  auditIntegrity,
  auditPage,
  auditQuery,
  auditReport,
  auditVerification,
  auditView,
  complianceReport,
  complianceRequest,
} from "../schemas/audit.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json, jsonRequest, optionalJsonRequest } from "./json-content.ts";

export const audit = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const LOGS = "/api/v1/audit-logs";
const EXPORT = "/api/v1/audit-export";
const CSV_TYPE = "text/csv";
const TAGS = ["Audit"];

const report = declareRoute("operator ops", {
  method: "post",
  path: LOGS,
  tags: TAGS,
  summary: "Report what was done to the service",
  description: "What commands of ops call. The same `id` again makes no second entry and answers 200.",
  request: { body: jsonRequest(auditReport) },
  responses: {
    200: json(auditView, "It was reported before: that entry"),
    201: json(auditView, "The entry, in its place"),
  },
});

const list = declareRoute("operator admin", {
  method: "get",
  path: LOGS,
  tags: TAGS,
  summary: "What was done, newest first",
  description: "Entries that are older than the archive's limit are in `audit-export`.",
  request: { query: auditQuery },
  responses: { 200: json(auditPage, "A page of entries") },
});

const exported = declareRoute("operator admin", {
  method: "get",
  path: EXPORT,
  tags: TAGS,
  summary: "The audit log as a file",
  description:
    "In the order of the chain, with the hashes to verify it by. Texts in CSV that a spreadsheet would run have an apostrophe before them.",
  request: { query: auditExportQuery },
  responses: {
    200: {
      description: "Every entry that fits",
      content: { "application/json": { schema: z.array(auditView) }, [CSV_TYPE]: { schema: z.string() } },
    },
  },
});

const compliance = declareRoute("operator admin", {
  method: "post",
  path: `${EXPORT}/compliance-report`,
  tags: TAGS,
  summary: "What was done in a period, counted",
  request: { body: jsonRequest(complianceRequest) },
  responses: {
    200: {
      description: "The report",
      content: { "application/json": { schema: complianceReport }, [CSV_TYPE]: { schema: z.string() } },
    },
  },
});

const verify = declareRoute("operator admin", {
  method: "post",
  path: `${EXPORT}/verify-integrity`,
  tags: TAGS,
  summary: "Check that the audit log is as it was written",
  description:
    "A page a call, of what is in the database, against the chain and the archive's anchors. `ops audit verify` walks through all, and the archive.",
  request: { body: optionalJsonRequest(auditVerification) },
  responses: { 200: json(auditIntegrity, "What was found") },
});

audit.openapi(report, async (c) => {
  const { entry, is_new } = await reportAction(c.var.work, c.req.valid("json"));
  return c.json(entry, is_new ? 201 : 200);
});

audit.openapi(list, async (c) => c.json(await pageOfEntries(c.var.work, c.req.valid("query")), 200));

audit.openapi(exported, (c) => {
  const query = c.req.valid("query");
  const pieces = exportEntries(c.var.work, query);
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
  const type = query.format === "csv" ? `${CSV_TYPE}; charset=utf-8` : "application/json";
  const disposition = `attachment; filename="audit.${query.format}"`;
  return c.body(stream, 200, { "content-type": type, "content-disposition": disposition });
});

audit.openapi(compliance, async (c) => {
  const request = c.req.valid("json");
  const counted = await complianceReportOf(c.var.work, request);
  if (request.format === "json") return c.json(counted, 200);
  return c.body(complianceCsv(counted), 200, { "content-type": `${CSV_TYPE}; charset=utf-8` });
});

audit.openapi(verify, async (c) => c.json(await verifyIntegrity(c.var.work, c.req.valid("json")), 200));
