import { expect, test } from "vitest";
import { DeclaredAnswers } from "./declared-answers.fixture.ts";

const JSON_TYPE = "application/json";
const declared = new DeclaredAnswers({
  paths: {
    "/things/{id}": {
      get: { responses: { 200: { content: { [JSON_TYPE]: { schema: { $ref: "#/components/schemas/Thing" } } } } } },
    },
    "/things/batch": { get: { responses: { 200: { content: { [JSON_TYPE]: { schema: { type: "array" } } } } } } },
  },
  components: {
    schemas: {
      Thing: { type: "object", properties: { part: { $ref: "#/components/schemas/Part" } }, required: ["part"] },
      Part: { type: "integer", minimum: 1 },
    },
  },
});
const check = (path: string, status: number, type: string, json: unknown) => () =>
  declared.check("GET", path, status, type, json);

test("an answer that its route declares passes, whatever the query", () => {
  expect(check("/things/7?debug=1", 200, `${JSON_TYPE}; charset=utf-8`, { part: 1 })).not.toThrow();
  expect(check("/things/batch", 200, JSON_TYPE, [])).not.toThrow();
  const refusal = { type: "/docs#problem-not-found", title: "Not found", status: 404, detail: "d", request_id: "r" };
  expect(check("/things/7", 404, "application/problem+json", refusal)).not.toThrow();
  expect(
    check("/v1/things", 404, JSON_TYPE, {
      error: { message: "m", type: "invalid_request_error", param: null, code: "c" },
    }),
  ).not.toThrow();
});

test.each([
  ["a field of another type, behind two references", "/things/7", 200, JSON_TYPE, { part: 0 }, /part/],
  ["a field that is missing", "/things/7", 200, JSON_TYPE, {}, /part/],
  ["the answer of the neighbouring path", "/things/batch", 200, JSON_TYPE, { part: 1 }, /not as/],
  ["a status that is not declared", "/things/7", 201, JSON_TYPE, { part: 1 }, /declares no such answer/],
  ["a path that is not declared", "/others", 200, JSON_TYPE, {}, /declares no such answer/],
  ["a refusal of another shape", "/things/7", 404, "application/problem+json", {}, /status/],
])("%s is named", (_, path, status, type, json, named) => {
  expect(check(path, status, type, json)).toThrow(named);
});
