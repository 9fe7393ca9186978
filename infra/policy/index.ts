/** The policy pack: `pulumi up --policy-pack infra/policy/pulumi-analyzer-prism`. The engine asks it before anything is changed. */
import { PolicyPack } from "@pulumi/policy";
import { RunError } from "@pulumi/pulumi";
import { dataStorePolicies } from "./data-stores.ts";
import { workerPolicies } from "./workers.ts";

try {
  const { config } = await import("../config.ts");
  new PolicyPack("prism", {
    policies: [...dataStorePolicies(config.waivers, Date.now()), ...workerPolicies(config.plan)],
  });
} catch (error) {
  if (!RunError.isInstance(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
