import { expect, test } from "vitest";
import { groupsOf } from "./groups.ts";

const RULES = {
  minimumReleaseAge: "7 days",
  packageRules: [
    { groupName: "Cloudflare", matchPackageNames: ["@cloudflare/**", "wrangler"] },
    { groupName: "Node.js", matchPackageNames: ["@types/node"], allowedVersions: "24.x" },
  ],
};

test("groups are Renovate's; a major version waits until it is asked for, and a release line is kept", () => {
  const outdated = {
    wrangler: { current: "4.1.0", latest: "4.2.0" },
    "@cloudflare/types": { current: "0.3.0", latest: "0.4.0" },
    "@types/node": { current: "24.1.0", latest: "26.0.0" },
    zod: { current: "v4.0.0", latest: "4.0.0" },
  };
  const specs = (major: boolean) =>
    groupsOf(outdated, RULES, major).map(({ group, updates }) => [group, updates.map(({ spec }) => spec)]);
  expect(specs(false)).toEqual([
    ["Cloudflare", ["wrangler@^4.1.0", "@cloudflare/types@^0.3.0"]],
    ["Node.js", ["@types/node@24.x"]],
  ]);
  expect(specs(true)).toEqual([
    ["Cloudflare", ["wrangler@4.2.0", "@cloudflare/types@0.4.0"]],
    ["Node.js", ["@types/node@24.x"]],
  ]);
  expect(groupsOf(outdated, RULES, false)[0]?.updates.map(({ major }) => major)).toEqual([false, true]);
});
