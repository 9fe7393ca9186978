import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isOlder, NOTICES, SUPPRESSIONS, suppressedNotice, suppressionOf } from "./suppressions.ts";

const { devDependencies } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8"));
const PROVIDER = devDependencies["@pulumi/cloudflare"];
const VERSION = "cloudflare:index/workerVersion:WorkerVersion";

test("no suppression outlives the provider version it was written for", () => {
  for (const { resource, property, until_provider_version } of SUPPRESSIONS)
    expect([resource, property, isOlder(PROVIDER, until_provider_version)]).toEqual([resource, property, true]);
});

test("every suppression has a reason and an issue", () => {
  for (const { reason, issue } of SUPPRESSIONS) {
    expect(reason.length).toBeGreaterThan(20);
    expect(issue).toMatch(/^https:\/\/github\.com\/.+\/issues\/\d+$/);
  }
});

test("noise is told from drift by resource, property and provider version", () => {
  expect(suppressionOf(VERSION, "bindings[7].databaseId", "6.22.1")?.issue).toMatch(/7370$/);
  expect(suppressionOf(VERSION, "bindings[7].text", "6.22.1")).toBeNull();
  expect(suppressionOf(VERSION, "bindings", "6.22.1")).toBeNull();
  expect(suppressionOf("cloudflare:index/worker:Worker", "bindings[7].databaseId", "6.22.1")).toBeNull();
  expect(suppressionOf(VERSION, "bindings[7].databaseId", "6.24.0")).toBeNull();
  const groups = "policies[0].permissionGroups[2].id";
  expect(suppressionOf("cloudflare:index/accountToken:AccountToken", groups, "6.22.1")?.issue).toMatch(/7125$/);
});

test("a notice is suppressed for its resource and its words alone, and no longer than the provider version it was written for", () => {
  const said =
    "This resource cannot be destroyed from Terraform. If you create this resource, it will be present in the API until manually deleted.";
  const CRONS = "cloudflare:index/workersCronTrigger:WorkersCronTrigger";
  expect(suppressedNotice(CRONS, said, PROVIDER)).not.toBeNull();
  expect(suppressedNotice(CRONS, "the schedule is deprecated", PROVIDER)).toBeNull();
  expect(suppressedNotice("cloudflare:index/d1Database:D1Database", said, PROVIDER)).toBeNull();
  for (const { resource, text, reason, until_provider_version } of NOTICES) {
    expect(reason.length).toBeGreaterThan(20);
    expect(suppressedNotice(resource, `${text}.`, PROVIDER)).not.toBeNull();
    expect(suppressedNotice(resource, `${text}.`, until_provider_version)).toBeNull();
  }
});

test("versions are compared by number, not by letter", () => {
  expect(isOlder("6.9.0", "6.22.1")).toBe(true);
  expect(isOlder("10.0.0", "9.9.9")).toBe(false);
  expect(isOlder("6.22.1", "6.22.1")).toBe(false);
});
