import { expect, test } from "vitest";
import { requestsLeft } from "./told-up.ts";

test.each([
  ['"default";r=50;t=30', { requests: 50, seconds: 30 }],
  ['"default";r=0;t=300', { requests: 0, seconds: 300 }],
  ["", null],
  [null, null],
  ['"default";q=1200;w=300', null],
])("what Cloudflare says is left of a token's requests is read from %j", (header, expected) => {
  expect(requestsLeft(header)).toEqual(expected);
});
