import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "@hono/zod-openapi";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../app.ts";
import { validatorOf } from "../declared-answers.fixture.ts";
import type { Env } from "../env.ts";
import { PROBLEMS } from "../ground/problem.ts";
import type { ApiDocument, MediaTypes, Schema } from "../pages/docs-types.ts";
import { conforming } from "./conforming.fixture.ts";

/** What no schema can say, and descriptions tell: rules about several fields at once, and what an address is. */
const UNSAYABLE: ReadonlySet<string> = new Set([
  "is only for format code: leave it out, or set that",
  "must have ascending lines, each once",
  "occurs twice in this batch",
  "goes with `stream` alone",
  "must end with a message of the user: put what matters of a tool's answer into the question",
  "post /v1/chat/completions must not be empty",
  "is_public, source and at tell of an entry: send its text",
  "must be an IPv4 or IPv6 address, or a network as 203.0.113.0/24",
]);

const WORKER = join(import.meta.dirname, "..");

/** The documentation touches no store: only what stands before every route asks for its bindings. */
async function get(path: string, accept = "*/*"): Promise<Response> {
  const env = {
    ENVIRONMENT: "test",
    LOG_LEVEL: "ERROR",
    CORS_ORIGINS: "",
    VERSION: { id: "v1" },
    RATE_IP: { limit: async () => ({ success: true }) },
    CONFIG: { get: async () => null },
  } as unknown as Env;
  const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} };
  return createApp().request(path, { headers: { accept } }, env, context as unknown as ExecutionContext);
}

type Answers = Record<string, { content?: MediaTypes }>;

let document: ApiDocument;
beforeAll(async () => {
  document = (await (await get("/openapi.json")).json()) as ApiDocument;
});

describe("/openapi.json", () => {
  test("says of every operation who may call it, and documents the refusals", () => {
    expect(document).toMatchObject({ openapi: "3.1.0" });
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const name = `${method} ${path}`;
        expect(operation.summary, name).toBeTruthy();
        expect(operation.security, name).toBeDefined();
        expect(operation.responses["429"], name).toBeDefined();
        if ((operation.security ?? []).length > 0) {
          const type = /^\/(v1\/|mcp$)/.test(path) ? "application/json" : "application/problem+json";
          expect(operation.responses["401"]?.content, name).toHaveProperty(type);
          // A webhook has no scopes to lack.
          if (!operation.security?.some((scheme) => "webhook" in scheme))
            expect(operation.responses["403"], name).toBeDefined();
        }
      }
    }
  });

  test("says, on the page as well, which operations are for the operator's tenant alone", async () => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, ...operation })),
    );
    const whole = operations.filter((operation) => operation["x-whole-service"] === true);
    expect(whole.map(({ name }) => name)).toEqual(expect.arrayContaining(["GET /metrics", "GET /health/deep"]));
    const page = await (await get("/docs")).text();
    expect(page.match(/<em>scope \w+, operator only<\/em>/g)).toHaveLength(whole.length);
    for (const { name, responses } of whole) expect(responses["403"]?.description, name).toContain("operator's tenant");
  });

  test("has no errors by the rules that Redocly recommends", async () => {
    const config = await createConfig({ extends: ["recommended"] });
    const problems = await lintFromString({ source: JSON.stringify(document), config });
    const errors = problems.filter(({ severity }) => severity === "error");
    expect(errors.map(({ message, location }) => `${location[0]?.pointer}: ${message}`)).toEqual([]);
  });

  test("names every operation once, the server, and what the service enforces", () => {
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
    expect(document.servers).toEqual([{ url: "http://localhost" }]);
    for (const [path, item] of Object.entries(document.paths)) {
      if (!path.includes("{")) continue;
      for (const [method, { responses }] of Object.entries(item)) {
        if (method !== "put") expect(responses["404"], `${method} ${path}`).toBeDefined();
      }
    }
    const schemas = document.components.schemas ?? {};
    expect(schemas.KeyCreation?.properties?.scopes).toMatchObject({ minItems: 1 });
    expect(schemas.KeyChange).toMatchObject({ minProperties: 1 });
    expect(schemas.Filter).toMatchObject({ minProperties: 1 });
    expect(schemas.Metadata).toMatchObject({ maxProperties: 32 });
    const events = (schemas.ChatEvent?.anyOf ?? []).map(({ properties }) => properties?.event);
    expect(events.flatMap((event) => event?.enum ?? event?.const)).toEqual([
      "sources",
      "token",
      "citation",
      "usage",
      "error",
    ]);
  });

  test("gives an example of every JSON body and answer, which its own schema accepts", () => {
    const components = { schemas: document.components.schemas ?? {} };
    const examples = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, { requestBody, responses }]) =>
        Object.entries({ body: requestBody ?? {}, ...responses } as Answers).flatMap(([status, { content }]) =>
          Object.entries(content ?? {})
            .filter(([type]) => type.includes("json"))
            .map(([, media]) => ({ name: `${method} ${path} ${status}`, ...media })),
        ),
      ),
    );
    expect(examples.length).toBeGreaterThan(100);
    const refused = examples.flatMap(({ name, schema = {}, example }) => {
      const { error } = validatorOf({ components }, schema).safeParse(example);
      return error
        ? [`${name}: ${JSON.stringify(example)} ${error.issues[0]?.path.join(".")} ${error.issues[0]?.message}`]
        : [];
    });
    expect(refused).toEqual([]);
  });

  test("allows no body and no parameter that the service refuses for its form alone", () => {
    const schemas = document.components.schemas ?? {};
    const refused: string[] = [];
    const check = (name: string, shown: Schema | undefined, taken: z.ZodType) => {
      for (const made of fc.sample(conforming(shown, schemas), { numRuns: 12, seed: 7 })) {
        const value = typeof made === "number" ? String(made) : made;
        const issue = taken
          .safeParse(value)
          .error?.issues.find(({ message }) => !UNSAYABLE.has(message) && !UNSAYABLE.has(`${name} ${message}`));
        if (issue) refused.push(`${name}: ${JSON.stringify(value)} ${issue.path.join(".")} ${issue.message}`);
      }
    };
    for (const definition of createApp().openAPIRegistry.definitions) {
      if (definition.type !== "route") continue;
      const { method, path, request } = definition.route;
      const operation = document.paths[path]?.[method];
      const name = `${method} ${path}`;
      const media = request?.body?.content["application/json"];
      const body = media && "schema" in media ? media.schema : undefined;
      const shown = operation?.requestBody?.content["application/json"]?.schema;
      if (body instanceof z.ZodType) check(name, shown, body);
      for (const group of [request?.params, request?.query])
        for (const [field, taken] of Object.entries(group instanceof z.ZodObject ? group.shape : {})) {
          const parameter = operation?.parameters?.find((one) => one.name === field);
          if (parameter && field !== "debug") check(`${name} ${field}`, parameter.schema, taken as z.ZodType);
        }
    }
    expect(refused.slice(0, 20)).toEqual([]);
  });

  test("has the routes of keys, authentication and feedback with their schemas", () => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    expect(operations).toEqual(
      expect.arrayContaining([
        "get /api/v1/keys",
        "post /api/v1/keys",
        "patch /api/v1/keys/{id}",
        "delete /api/v1/keys/{id}",
        "post /api/v1/auth/verify",
        "post /api/v1/auth/token",
        "post /api/v1/feedback",
      ]),
    );
    expect(Object.keys(document.components.schemas ?? {})).toEqual(
      expect.arrayContaining(["Problem", "Key", "CreatedKey", "Identity", "IssuedToken"]),
    );
  });
});

describe("/docs", () => {
  test("needs no script and nothing from elsewhere, and explains every problem where its type points", async () => {
    const response = await get("/docs");
    const page = await response.text();
    expect(response.headers.get("content-type")).toContain("text/html");
    expect(page).not.toMatch(/<script|<style| style=| on\w+=|src=/);
    expect(page.match(/href="https?:/g)).toBeNull();
    for (const slug of Object.keys(PROBLEMS)) expect(page).toContain(`id="problem-${slug}"`);
    for (const path of Object.keys(document.paths)) expect(page).toContain(path);
    expect((await get("/docs/style.css")).headers.get("content-type")).toContain("text/css");
  });

  test("every reason in the catalogue is one that the Worker gives", () => {
    const sources = readdirSync(WORKER, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => readFileSync(join(WORKER, file), "utf8"));
    const given = sources.flatMap((source) =>
      [...source.matchAll(/new Problem\(\s*"([^"]+)"/g)].map(([, slug]) => slug),
    );
    expect(new Set(given)).toEqual(new Set(Object.keys(PROBLEMS)));
  });
});

test("/ answers browsers with a page and programs with JSON", async () => {
  expect((await get("/", "text/html,*/*;q=0.8")).headers.get("content-type")).toContain("text/html");
  expect(await (await get("/", "application/json")).json()).toMatchObject({ name: "PRISM", docs: "/docs" });
  expect((await get("/")).headers.get("content-type")).toContain("application/json");
});
