/** What the stand-in provider's `check` refuses beyond types. */
import { expect, test } from "vitest";
import type { Properties } from "../../infra/provider/plugin.ts";
import { PackageTypes } from "./package-types.ts";
import { cloudflareStandIn } from "./stand-in-provider.ts";

const types = new PackageTypes();
const plugin = cloudflareStandIn(types, {});
function failures(type: string, inputs: Properties): string[] {
  const token = types.tokens().find((one) => one.endsWith(`:${type}`));
  const news = { accountId: "a", ...inputs };
  return plugin
    .check({ urn: `urn:pulumi:test::prism::${token}::it`, news })
    .failures.map(({ property, reason }) => `${property}: ${reason}`);
}

const deployed = (percentage: number) => ({
  scriptName: "prism",
  strategy: "percentage",
  versions: [{ versionId: "v", percentage }],
});
const withModule = (module: Properties) => ({
  workerId: "w",
  modules: [{ name: "w.js", contentType: "text/plain", ...module }],
});
test.each([
  [
    "a share of nothing",
    "WorkersDeployment",
    deployed(0),
    "versions[0].percentage: value must be between 0.01 and 100",
  ],
  ["more than everything", "WorkersDeployment", deployed(100.5), "versions[0].percentage: value must be between"],
  ["another strategy", "WorkersDeployment", { ...deployed(100), strategy: "canary" }, "strategy: value must be one of"],
  ["an alert that is none", "NotificationPolicy", { alertType: "rain" }, "alertType: value must be one of"],
  [
    "a module without content",
    "WorkerVersion",
    withModule({}),
    "modules[0]: exactly one of contentBase64, contentFile",
  ],
  ["a module with two", "WorkerVersion", withModule({ contentBase64: "YQ==", contentFile: "w.js" }), "got: 2"],
  ["a day for a moment", "AccountToken", { expiresOn: "2099-01-01" }, "expiresOn: invalid RFC3339 string value"],
  [
    "a policy's resources that are no JSON",
    "AccountToken",
    { policies: [{ effect: "allow", permissionGroups: [], resources: "com.cloudflare.api.account" }] },
    "policies[0].resources: invalid JSON string value",
  ],
  ["half a millisecond", "WorkerVersion", { limits: { cpuMs: 50.5 } }, "limits.cpuMs: value must be a whole number"],
  [
    "a share of a second of a lock",
    "R2BucketLock",
    { rules: [{ id: "a", enabled: true, condition: { type: "Age", maxAgeSeconds: 1.5 } }] },
    "rules[0].condition.maxAgeSeconds: value must be a whole number",
  ],
  ["uploads of a second", "LogpushJob", { maxUploadIntervalSeconds: 1 }, "value must be between 30 and 300, got: 1"],
])("check refuses what the official provider's validators refuse: %s", (_what, type, inputs, failure) => {
  expect(failures(type, inputs)).toContainEqual(expect.stringContaining(failure));
});

test.each([[deployed(0.01)], [deployed(100)], [{ ...deployed(50), strategy: "Percentage" }]])(
  "check takes the ends of a range, and values in any case: %j",
  (inputs) => {
    expect(failures("WorkersDeployment", inputs)).toEqual([]);
  },
);
