/** Incidents and maintenance windows, for whoever runs the service. The status page shows their public part. */
import { OpenAPIHono } from "@hono/zod-openapi";
import {
  announceMaintenance,
  changeIncident,
  changeMaintenance,
  findIncident,
  openIncident,
  pageOfIncidents,
  pageOfMaintenance,
} from "../operations/incidents.ts";
import {
  incident,
  incidentChange,
  incidentListQuery,
  incidentOpening,
  incidentPage,
  incidentPath,
  maintenance,
  maintenanceAnnouncement,
  maintenanceChange,
  maintenanceListQuery,
  maintenancePage,
  maintenancePath,
} from "../schemas/incidents.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json, jsonRequest } from "./json-content.ts";

export const incidents = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const INCIDENTS = "/api/v1/incidents";
const MAINTENANCE = "/api/v1/maintenance";
const tags = ["Operations"];
const ABSENT = { description: "There is none with this id" };
const SILENT = { description: "The book of incidents does not answer" };

const list = declareRoute("operator ops", {
  method: "get",
  path: INCIDENTS,
  tags,
  summary: "Incidents with their timelines, newest first",
  request: { query: incidentListQuery },
  responses: { 200: json(incidentPage, "A page of incidents"), 503: SILENT },
});

const open = declareRoute(
  "operator ops",
  {
    method: "post",
    path: INCIDENTS,
    tags,
    summary: "Open an incident",
    description:
      "It is on the status page at once, and its components are shown as its severity says until it is resolved.",
    request: { body: jsonRequest(incidentOpening) },
    responses: { 201: json(incident, "The incident"), 503: SILENT },
  },
  { idempotent: true },
);

const show = declareRoute("operator ops", {
  method: "get",
  path: `${INCIDENTS}/{id}`,
  tags,
  summary: "An incident with its timeline",
  request: { params: incidentPath },
  responses: { 200: json(incident, "The incident"), 404: ABSENT, 503: SILENT },
});

const change = declareRoute("operator ops", {
  method: "patch",
  path: `${INCIDENTS}/{id}`,
  tags,
  summary: "Tell news of an incident, change or resolve it",
  description:
    "`text` becomes a new entry of the timeline, from which nothing is ever removed. A resolved incident may be opened again.",
  request: { params: incidentPath, body: jsonRequest(incidentChange) },
  responses: { 200: json(incident, "The incident as it is now"), 404: ABSENT, 503: SILENT },
});

const listMaintenance = declareRoute("operator ops", {
  method: "get",
  path: MAINTENANCE,
  tags,
  summary: "Maintenance windows, newest announcement first",
  request: { query: maintenanceListQuery },
  responses: { 200: json(maintenancePage, "A page of windows"), 503: SILENT },
});

const announce = declareRoute(
  "operator ops",
  {
    method: "post",
    path: MAINTENANCE,
    tags,
    summary: "Announce a maintenance window",
    description: "Before it begins: downtime that nobody announced is an incident, and counts.",
    request: { body: jsonRequest(maintenanceAnnouncement) },
    responses: { 201: json(maintenance, "The window"), 503: SILENT },
  },
  { idempotent: true },
);

const changeWindow = declareRoute("operator ops", {
  method: "patch",
  path: `${MAINTENANCE}/{id}`,
  tags,
  summary: "Change, extend, end or call off a maintenance window",
  request: { params: maintenancePath, body: jsonRequest(maintenanceChange) },
  responses: { 200: json(maintenance, "The window as it is now"), 404: ABSENT, 503: SILENT },
});

incidents.openapi(list, async (c) => c.json(await pageOfIncidents(c.var.work, c.req.valid("query")), 200));
incidents.openapi(open, async (c) => {
  const opened = await openIncident(c.var.work, c.req.valid("json"), c.var.work.caller.key_id);
  return c.json(opened, 201, { location: `${INCIDENTS}/${opened.id}` });
});
incidents.openapi(show, async (c) => c.json(await findIncident(c.var.work, c.req.valid("param").id), 200));
incidents.openapi(change, async (c) =>
  c.json(await changeIncident(c.var.work, c.req.valid("param").id, c.req.valid("json")), 200),
);
incidents.openapi(listMaintenance, async (c) => c.json(await pageOfMaintenance(c.var.work, c.req.valid("query")), 200));
incidents.openapi(announce, async (c) => c.json(await announceMaintenance(c.var.work, c.req.valid("json")), 201));
incidents.openapi(changeWindow, async (c) =>
  c.json(await changeMaintenance(c.var.work, c.req.valid("param").id, c.req.valid("json")), 200),
);
