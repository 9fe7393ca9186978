import { join } from "node:path";
import { expect, test } from "vitest";
import { keptPlace } from "./place.ts";

test("what is written down of a repository's address says where it is, and holds no credentials", () => {
  expect(keptPlace("vault")).toBe(join(process.cwd(), "vault"));
  expect(keptPlace("/media/vault")).toBe("/media/vault");
  const given = "s3://user:secret@vault/prism?endpoint=https://user:secret@s3.example:9000/&region=eu-1&key=secret";
  const kept = keptPlace(given);
  expect(kept).not.toContain("secret");
  expect(kept).toBe(keptPlace(kept));
  const url = new URL(kept);
  expect([url.host, url.pathname, ...url.searchParams]).toEqual([
    "vault",
    "/prism",
    ["endpoint", "https://s3.example:9000"],
    ["region", "eu-1"],
  ]);
});
