/**
 * What the official provider checks, forgets and repeats beyond the package's types: read from its own sources
 * (https://github.com/cloudflare/terraform-provider-cloudflare, `internal/services/<type>/schema.go` and `model.go`). Pure.
 *
 * The package's declarations carry neither ranges nor combinations; lists of values they do (`package-types.ts`).
 */
import type { CheckFailure, Properties } from "../../infra/provider/plugin.ts";
import { hasUnknown } from "../../infra/provider/unknowns.ts";
import { isObject } from "../../worker/ground/json.ts";

interface Range {
  /** `[*]` stands for every element of a list. */
  path: string;
  min: number;
  max: number;
}

interface Rules {
  /** `Between` validators. */
  ranges?: readonly Range[];
  /** Objects that need exactly one of these properties: `ConflictsWith` together with `AtLeastOneOf`. */
  exactly_one?: readonly { path: string; of: readonly string[] }[];
  /** What a text must be: `timetypes.RFC3339`, `jsontypes.Normalized`. */
  times?: readonly string[];
  json?: readonly string[];
  /** Numbers that are `Int64`; the package's declarations know only numbers. */
  whole?: readonly string[];
  /** Properties that a refresh takes from the state, whatever the API says (`no_refresh`). */
  not_refreshed?: readonly string[];
}

const RULES: Readonly<Record<string, Rules>> = {
  AccountToken: { times: ["expiresOn", "notBefore"], json: ["policies[*].resources"] },
  Healthcheck: {
    whole: ["consecutiveFails", "consecutiveSuccesses", "interval", "retries", "timeout", "httpConfig.port"],
  },
  LogpushJob: {
    whole: ["maxUploadBytes", "maxUploadIntervalSeconds", "maxUploadRecords"],
    ranges: [
      { path: "maxUploadBytes", min: 5_000_000, max: 1_000_000_000 },
      { path: "maxUploadIntervalSeconds", min: 30, max: 300 },
      { path: "maxUploadRecords", min: 1000, max: 1_000_000 },
      { path: "outputOptions.sampleRate", min: 0, max: 1 },
    ],
  },
  Queue: { not_refreshed: ["queueName"] },
  QueueConsumer: { not_refreshed: ["deadLetterQueue"] },
  R2BucketLifecycle: {
    whole: [
      "rules[*].abortMultipartUploadsTransition.condition.maxAge",
      "rules[*].deleteObjectsTransition.condition.maxAge",
      "rules[*].storageClassTransitions[*].condition.maxAge",
    ],
    times: ["rules[*].deleteObjectsTransition.condition.date", "rules[*].storageClassTransitions[*].condition.date"],
  },
  R2BucketLock: { whole: ["rules[*].condition.maxAgeSeconds"], times: ["rules[*].condition.date"] },
  Ruleset: {
    whole: [
      "rules[*].ratelimit.period",
      "rules[*].ratelimit.requestsPerPeriod",
      "rules[*].ratelimit.mitigationTimeout",
    ],
  },
  WorkersCronTrigger: { not_refreshed: ["schedules"] },
  WorkersDeployment: { ranges: [{ path: "versions[*].percentage", min: 0.01, max: 100 }] },
  WorkerVersion: {
    exactly_one: [{ path: "modules[*]", of: ["contentBase64", "contentFile"] }],
    json: ["bindings[*].json", "bindings[*].algorithm", "bindings[*].keyJwk"],
    whole: ["bindings[*].simple.period", "limits.cpuMs", "limits.subrequests"],
  },
};

/** Tries after the first, each after the `Retry-After` of the answer, however long that is. */
export const OFFICIAL_RETRIES = 2;

/** `token` as in an URN. */
export function notRefreshed(token: string): ReadonlySet<string> {
  return new Set(rulesOf(token).not_refreshed);
}

/** Inputs that are of the right type and that the official provider refuses, in its words. */
export function ruleFailures(token: string, inputs: Properties): CheckFailure[] {
  const { ranges = [], exactly_one = [], whole = [], times = [], json = [] } = rulesOf(token);
  const refused = (paths: readonly string[], reason: string, isRight: (value: unknown) => boolean) =>
    paths.flatMap((path) =>
      placesOf(inputs, path)
        .filter(({ value }) => value !== undefined && value !== null && !hasUnknown(value) && !isRight(value))
        .map(({ at, value }) => ({ property: at, reason: `${reason}, got: ${value}` })),
    );
  return [
    ...refused(whole, "value must be a whole number", Number.isInteger),
    ...refused(times, "invalid RFC3339 string value", (text) => RFC_3339.test(String(text))),
    ...refused(json, "invalid JSON string value", isJson),
    ...ranges.flatMap(({ path, min, max }) =>
      placesOf(inputs, path)
        .filter(({ value }) => typeof value === "number" && (value < min || value > max))
        .map(({ at, value }) => ({ property: at, reason: `value must be between ${min} and ${max}, got: ${value}` })),
    ),
    ...exactly_one.flatMap(({ path, of }) =>
      placesOf(inputs, path).flatMap(({ at, value }) => {
        if (!isObject(value) || hasUnknown(value)) return [];
        const given = of.filter((name) => value[name] !== undefined);
        if (given.length === 1) return [];
        return [{ property: at, reason: `exactly one of ${of.join(", ")} must be given, got: ${given.length}` }];
      }),
    ),
  ];
}

/** As Go's `time.RFC3339` reads it. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function isJson(text: unknown): boolean {
  try {
    JSON.parse(String(text));
    return true;
  } catch {
    return false;
  }
}

function rulesOf(token: string): Rules {
  return RULES[token.split(":").at(-1) ?? ""] ?? {};
}

/** Every value that `path` leads to. */
function placesOf(root: Properties, path: string): { at: string; value: unknown }[] {
  let places: { at: string; value: unknown }[] = [{ at: "", value: root }];
  for (const part of path.split(".")) {
    const name = part.replace("[*]", "");
    places = places.flatMap(({ at, value }) => {
      const inner = isObject(value) ? value[name] : undefined;
      const inside = at === "" ? name : `${at}.${name}`;
      if (!part.endsWith("[*]")) return [{ at: inside, value: inner }];
      return Array.isArray(inner) ? inner.map((one, index) => ({ at: `${inside}[${index}]`, value: one })) : [];
    });
  }
  return places;
}
