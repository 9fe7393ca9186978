/** The docs page and the landing page: HTML from the OpenAPI document, without scripts and without foreign parts. */
import { html, raw } from "hono/html";
import { PROBLEMS } from "../ground/problem.ts";
import { exampleOf, limitsInWords, resolved, type Schemas, typeInWords } from "./docs-schema.ts";
import type { ApiDocument, Operation, Parameter, Schema } from "./docs-types.ts";
import { frame, type Html } from "./frame.ts";

const METHODS = ["get", "post", "put", "patch", "delete"];
const JSON_TYPE = "application/json";

/** `/` for browsers. */
export function landingPage(name: string, summary: string, origin: string): Html {
  return frame(
    name,
    html`<main class="landing"><h1>${name}</h1><p class="lead">${summary}</p>
<pre><code>${curl("post", "/api/v1/chat", KEY_HEADER, { message: "How do I rotate a leaked key?" }).replace("$PRISM_URL", origin)}</code></pre>
<p class="links"><a href="/ask">Ask</a> <a href="/docs">Documentation</a> <a href="/status">Status</a>
<a href="/dashboard">Dashboard</a></p></main>`,
  );
}

/** `/docs`: the part that depends on the caller's view (`origin`) around the part that does not (`docsBody`). */
export function docsPage(info: ApiDocument["info"], body: string, origin: string): Html {
  return frame(
    `${info.title} API`,
    html`<header><h1>${info.title} <small>API ${info.version}</small></h1>
${info.description.split("\n\n").map((paragraph) => html`<p>${inlineCode(paragraph)}</p>`)}
<p>Examples on this page run as they stand after:</p>
<pre><code>export PRISM_URL=${origin} PRISM_KEY=prism_…</code></pre>
<p><a href="/openapi.json">openapi.json</a></p></header>${raw(body)}`,
  );
}

/** Navigation, operations, schemas and problems. */
export function docsBody(document: ApiDocument): Html {
  const schemas = document.components.schemas ?? {};
  const groups = new Map<string, Html[]>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const tag = operation.tags?.[0] ?? "Other";
      groups.set(tag, [...(groups.get(tag) ?? []), operationSection(method, path, operation, schemas)]);
    }
  }
  return html`<nav>${[...groups.keys()].map((tag) => html`<a href="#${anchor(tag)}">${tag}</a> `)}
<a href="#schemas">Schemas</a> <a href="#problems">Problems</a></nav>
<main>${[...groups].map(([tag, sections]) => html`<section id="${anchor(tag)}"><h2>${tag}</h2>${sections}</section>`)}
<section id="schemas"><h2>Schemas</h2>${Object.entries(schemas).map(
    ([name, schema]) => html`<details id="schema-${name}"><summary><code>${name}</code></summary>
<p>${inlineCode(schema.description ?? "")}</p>${fieldTable(schema)}</details>`,
  )}</section>
<section id="problems"><h2>Problems</h2>
<p>The <code>type</code> of every problem document points here.</p>
<dl>${Object.entries(PROBLEMS).map(
    ([slug, { status, meaning }]) =>
      html`<dt id="problem-${slug}"><code>${slug}</code> <small>${status}</small></dt><dd>${inlineCode(meaning)}</dd>`,
  )}</dl></section></main>`;
}

function operationSection(method: string, path: string, operation: Operation, schemas: Schemas): Html {
  const body = operation.requestBody?.content[JSON_TYPE]?.schema;
  const parameters = operation.parameters ?? [];
  return html`<details class="operation" id="${anchor(`${method} ${path}`)}">
<summary><b class="method ${method}">${method.toUpperCase()}</b> <code>${path}</code> <span>${operation.summary}</span>
<em>${accessInWords(operation)}</em></summary>
${operation.description ? html`<p>${inlineCode(operation.description)}</p>` : ""}
${parameters.length > 0 ? html`<h4>Parameters</h4>${parameterTable(parameters)}` : ""}
${body ? html`<h4>Body <small>${typeInWords(body)}</small></h4>${fieldTable(resolved(body, schemas))}` : ""}
<h4>Example</h4><pre><code>${curl(method, path, credentialHeader(operation), body && exampleOf(body, schemas))}</code></pre>
<h4>Answers</h4><ul>${Object.entries(operation.responses).map(
    ([status, { description, content }]) =>
      html`<li><code>${status}</code> ${inlineCode(description)}${answerSchema(content)}</li>`,
  )}</ul></details>`;
}

const KEY_HEADER = "Authorization: Bearer $PRISM_KEY";

/** The header that lets a caller in; null where none is needed. */
function credentialHeader({ security }: Operation): string | null {
  const [scheme] = security ?? [];
  if (scheme === undefined) return null;
  return "webhook" in scheme ? "cf-webhook-auth: $ALERT_WEBHOOK_SECRET" : KEY_HEADER;
}

function accessInWords({ security, "x-whole-service": whole }: Operation): string {
  const [scope] = Object.values(security?.[0] ?? {}).flat();
  if (scope === undefined) return "open";
  if (scope === "cloudflare") return "Cloudflare's webhook";
  return scope === "any" ? "any key" : `scope ${scope}${whole ? ", operator only" : ""}`;
}

function answerSchema(content: Record<string, { schema?: Schema }> | undefined): Html | string {
  const name = typeInWords(content?.[JSON_TYPE]?.schema);
  return /^[A-Z]\w*$/.test(name) ? html` · <a href="#schema-${name}">${name}</a>` : "";
}

function parameterTable(parameters: Parameter[]): Html {
  return html`<table>${parameters.map(
    ({ name, in: place, required, schema, description }) => html`<tr><th><code>${name}</code></th>
<td>${place}${required ? ", required" : ""}</td><td><code>${typeInWords(schema)}</code> ${limitsInWords(schema ?? {})}</td>
<td>${inlineCode(description ?? schema?.description ?? "")}</td></tr>`,
  )}</table>`;
}

function fieldTable(schema: Schema): Html | string {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return "";
  return html`<table>${fields.map(
    ([
      name,
      field,
    ]) => html`<tr><th><code>${name}</code></th><td>${schema.required?.includes(name) ? "required" : ""}</td>
<td><code>${typeInWords(field)}</code> ${limitsInWords(field)}</td><td>${inlineCode(field.description ?? "")}</td></tr>`,
  )}</table>`;
}

/** A request as a shell line. */
function curl(method: string, path: string, credential: string | null, body?: unknown): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase());
  const verb = method === "get" ? "" : `-X ${method.toUpperCase()} `;
  const lines = [`curl ${verb}"$PRISM_URL${filled}"`];
  if (credential !== null) lines.push(`  -H "${credential}"`);
  if (body !== undefined) {
    const json = JSON.stringify(body).replaceAll("'", "'\\''");
    lines.push(`  -H "Content-Type: application/json"`, `  -d '${json}'`);
  }
  return lines.join(" \\\n");
}

/** Text with `code` between backticks. */
function inlineCode(text: string): (string | Html)[] {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

function anchor(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}
