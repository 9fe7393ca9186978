/** What the status page, its feed and its badges call things. */
import type { Component, DayLevel, IncidentState } from "../ground/status.ts";
import type { ShownState } from "../ground/uptime.ts";

export const COMPONENT_NAMES: Record<Component, { name: string; what: string }> = {
  api: { name: "Questions and search", what: "The service as its callers see it" },
  database: { name: "Documents", what: "Where documents and keys are kept, and search by words" },
  vectorize: { name: "Search by meaning", what: "Without it, search goes by words alone" },
  kv: { name: "Caches", what: "Without them answers take longer" },
  ai: { name: "Answers", what: "The models: without them a question gets its passages" },
};

/** A mark beside each word, so that nothing is told by colour alone. */
export const STATE_WORDS: Record<ShownState, { word: string; mark: string }> = {
  up: { word: "Operational", mark: "●" },
  degraded: { word: "Degraded", mark: "▲" },
  down: { word: "Down", mark: "✕" },
  maintenance: { word: "Maintenance", mark: "◆" },
  unknown: { word: "Unknown", mark: "?" },
};

export const OVERALL_WORDS: Record<ShownState, string> = {
  up: "All is well",
  degraded: "Some parts do not work as they should",
  down: "The service is down",
  maintenance: "Under maintenance",
  unknown: "The state of the service is not known",
};

export const LEVEL_WORDS: Record<DayLevel, string> = {
  none: "not checked",
  maintenance: "maintenance",
  up: "no trouble",
  degraded: "degraded",
  partial: "partly down",
  down: "down",
};

export const INCIDENT_WORDS: Record<IncidentState, string> = {
  investigating: "Investigating",
  identified: "Cause known",
  monitoring: "Watching the remedy",
  resolved: "Resolved",
};
