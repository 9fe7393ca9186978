/** The policy pack: `pulumi up --policy-pack infra/policy`. The engine asks it before anything is changed. */
import { PolicyPack } from "@pulumi/policy";
import { config } from "../config.ts";
import { dataStorePolicies } from "./data-stores.ts";
import { workerPolicies } from "./workers.ts";

new PolicyPack("prism", {
  policies: [...dataStorePolicies(config.waivers, Date.now()), ...workerPolicies(config.plan)],
});
