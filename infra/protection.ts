/** How data stores are kept: the engine refuses to replace or delete them, and a removed declaration leaves them be. */
import type { CustomResourceOptions } from "@pulumi/pulumi";
import { config } from "./config.ts";
import { isWaived } from "./waivers.ts";

/** Whether the configuration lifts the protection of a resource today. */
export function waived(resource: string): boolean {
  return isWaived(config.waivers, resource, Date.now());
}

/** Resource options of a data store. Both protections go together, so that a waived store is really deleted. */
export function keep(resource: string): Pick<CustomResourceOptions, "protect" | "retainOnDelete"> {
  const kept = !waived(resource);
  return { protect: kept, retainOnDelete: kept };
}
