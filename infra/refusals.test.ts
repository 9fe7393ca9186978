import { expect, test } from "vitest";
import { type Refusal, refusalIn, remedyOf } from "./refusals.ts";

const API = "https://api.cloudflare.com/client/v4";
const refusal = (over: Partial<Refusal>): Refusal => ({
  ...{ method: "POST", path: "d1/database", status: 400, codes: [], said: "" },
  ...over,
});

test("the official provider's words are read back: request, status, codes and what Cloudflare said", () => {
  const text = `1 error occurred:
	* failed to make http request: POST "${API}/accounts/0123/d1/database": 400 Bad Request {
  "errors": [{"code": 7502, "message": "Database with name \\"prism-db-g1\\" already exists"}],
  "success": false
}`;
  expect(refusalIn(text)).toEqual({
    ...{ method: "POST", path: "d1/database", status: 400, codes: [7502] },
    said: 'Database with name \\"prism-db-g1\\" already exists',
  });
  expect(refusalIn(`PUT "${API}/zones/0123/rulesets/45": 403 Forbidden`)).toMatchObject({
    ...{ method: "PUT", path: "rulesets/45", status: 403, codes: [] },
  });
});

test.each(["resource prism-db-g1 cannot be deleted because it is protected", "", "GET it done: 403", '{"code": 7502}'])(
  "what is no refusal of the API is not taken for one: %j",
  (text) => expect(refusalIn(text)).toBeNull(),
);

test("a wrong token is another matter than one that lacks a permission", () => {
  expect(remedyOf(refusal({ status: 401, codes: [10_000] }))).toMatch(/^set CLOUDFLARE_API_TOKEN/);
  expect(remedyOf(refusal({ codes: [6003] }))).toMatch(/^set CLOUDFLARE_API_TOKEN/);
  expect(remedyOf(refusal({ status: 403, codes: [10_000] }))).toMatch(/permission "D1 Write"/);
  expect(remedyOf(refusal({ status: 403, method: "GET", path: "storage/kv/namespaces" }))).toMatch(
    /permission "Workers KV Storage Read"/,
  );
});

test("an account without Analytics Engine is shown where to switch it on, whatever the status", () => {
  for (const status of [400, 403])
    expect(remedyOf(refusal({ status, codes: [10_089], said: "You need to enable Analytics Engine." }))).toMatch(
      /^open https:\/\/dash\.cloudflare\.com\S+analytics-engine and enable/,
    );
});

test("every remedy says that the command can be repeated", () => {
  const statuses = [400, 403, 404, 409, 429, 500, 503];
  for (const status of statuses) expect(remedyOf(refusal({ status }))).toMatch(/then repeat/);
});
