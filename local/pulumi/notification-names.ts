/** Pulumi puts the filters and mechanisms of a notification policy in the plural; the API does so for some. Pure. */
import type { Properties } from "../../infra/provider/plugin.ts";
import { isObject } from "../../worker/ground/json.ts";

/** `PolicyFilter` of the official SDK, as far as a plural could be mistaken for it. */
const PLURAL_IN_THE_API = new Set([
  "actions",
  "affected_asns",
  "affected_components",
  "affected_locations",
  "alert_trigger_preferences",
  "megabits_per_second",
  "packets_per_second",
  "pop_names",
  "requests_per_second",
  "selectors",
  "services",
  "traffic_exclusions",
  "zones",
]);
const SINGULARS: Record<string, string> = { group_bies: "group_by", statuses: "status", new_statuses: "new_status" };
const MECHANISMS: Record<string, string> = { emails: "email", pagerduties: "pagerduty", webhooks: "webhooks" };

export function apiPolicy(body: Properties): Properties {
  return {
    ...body,
    ...(isObject(body.filters) ? { filters: renamed(body.filters, apiFilter) } : {}),
    ...(isObject(body.mechanisms) ? { mechanisms: renamed(body.mechanisms, (name) => MECHANISMS[name] ?? name) } : {}),
  };
}

export function declaredPolicy(live: Properties): Properties {
  const plural = Object.fromEntries(Object.entries(MECHANISMS).map(([declared, name]) => [name, declared]));
  return {
    ...live,
    ...(isObject(live.filters) ? { filters: renamed(live.filters, declaredFilter) } : {}),
    ...(isObject(live.mechanisms) ? { mechanisms: renamed(live.mechanisms, (name) => plural[name] ?? name) } : {}),
  };
}

function apiFilter(name: string): string {
  return PLURAL_IN_THE_API.has(name) ? name : (SINGULARS[name] ?? name.replace(/s$/, ""));
}

function declaredFilter(name: string): string {
  const [irregular] = Object.entries(SINGULARS).find(([, singular]) => singular === name) ?? [];
  return irregular ?? (PLURAL_IN_THE_API.has(name) ? name : `${name}s`);
}

function renamed(part: Properties, rename: (name: string) => string): Properties {
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [rename(name), value]));
}
