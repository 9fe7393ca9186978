/** What a stack's configuration may say, and how its errors read. Pure: `config.ts` does the reading. */
import { z } from "zod";
import {
  OPTIONAL_SECRETS,
  ROTATED_SECRETS,
  ROTATION_PHASES,
  SECRETS,
  type SecretName,
  STACKS,
  type Stack,
  VARIABLES,
  VECTOR_INDEX,
} from "./inventory.ts";
import {
  CPU_MS_MAX,
  DAY_MS,
  DIMENSIONS_MAX,
  PLANS,
  SECRET_CHARACTERS_MIN,
  SHARE_PERCENT_MIN,
  TOKEN_EXPIRY_WARNING_DAYS,
} from "./limits.ts";
import { day, waiver, waiverFlaw } from "./waivers.ts";

/** As Cloudflare names a destination: its address and its secret headers stay with the account. */
const destination = z.string().regex(/^[a-z0-9][a-z0-9_-]*$/i, "a destination's name, not its address");
const generation = z.number().int().positive();
/** Both shares must be ones that the provider takes, or none. */
const rolloutPercentage = z
  .number()
  .refine(
    (percentage) =>
      percentage === 0 ||
      percentage === 100 ||
      (percentage >= SHARE_PERCENT_MIN && 100 - percentage >= SHARE_PERCENT_MIN),
    `neither 0 nor 100, nor from ${SHARE_PERCENT_MIN} to ${100 - SHARE_PERCENT_MIN}`,
  );
/** Those that follow from something else. */
const DERIVED = ["ENVIRONMENT", "PLAN"] as const;
const variables = Object.keys(VARIABLES).filter((name) => !DERIVED.some((derived) => derived === name)) as Exclude<
  keyof typeof VARIABLES,
  (typeof DERIVED)[number]
>[];

const stackConfig = z
  .strictObject({
    accountId: z.string().regex(/^[0-9a-f]{32}$/, "the account's id, 32 hex digits"),
    plan: z.enum(["free", "paid"]),
    /** Generations of the D1 database that exist; the Worker is bound to `live`. */
    database: z
      .strictObject({ live: generation, generations: z.array(generation).min(1) })
      .default({ live: 1, generations: [1] }),
    /** Generations of the vector index that exist; the Worker is bound to `live`. */
    vectors: z
      .strictObject({
        live: generation,
        generations: z
          .array(z.strictObject({ generation, dimensions: z.number().int().min(1).max(DIMENSIONS_MAX) }))
          .min(1),
      })
      .default({ live: 1, generations: [{ generation: 1, dimensions: VECTOR_INDEX.dimensions }] }),
    /** Share of the traffic that the newest version gets; the rest stays with `previous`, a version id. 0: it is uploaded only. */
    rollout: z
      .strictObject({ percentage: rolloutPercentage, previous: z.uuid().optional() })
      .default({ percentage: 100 }),
    /** A built bundle to deploy instead of today's source, e.g. the release a rollback pinned. */
    bundle: z.string().optional(),
    /** Whether there is a watchdog; without the key in production only. */
    watchdog: z.boolean().optional(),
    /** The bundle of the watchdog: one release behind the Worker's, so that one bad release cannot silence both. */
    watchdogBundle: z.string().optional(),
    cpuMs: z.coerce.number().int().min(10).max(CPU_MS_MAX).optional(),
    variables: z.partialRecord(z.enum(variables), z.string()).default({}),
    /** Day on which the declared account tokens stop working. */
    tokensExpire: day,
    /** Addresses that notifications go to besides the Worker's alert endpoint. */
    notificationEmails: z.array(z.email()).default([]),
    /**
     * Names of the account's OTLP destinations that traces and log lines are exported to, besides being kept:
     * https://developers.cloudflare.com/workers/observability/exporting-opentelemetry-data/
     */
    telemetryDestinations: z
      .strictObject({ traces: z.array(destination).default([]), logs: z.array(destination).default([]) })
      .default({ traces: [], logs: [] }),
    /** A zone of the account. Without it the Worker answers on workers.dev. */
    zone: z
      .strictObject({ id: z.string().regex(/^[0-9a-f]{32}$/, "the zone's id, 32 hex digits"), hostname: z.hostname() })
      .optional(),
    /** Where the local platform answers; of no use to another stack. */
    local: z
      .strictObject({ url: z.url(), s3Url: z.url() })
      .default({ url: "http://127.0.0.1:8787", s3Url: "http://127.0.0.1:8788" }),
    waivers: z.array(waiver).default([]),
    /** The secret that is being rotated, and how far that is: `ops secrets rotate` keeps it here, beside the secrets. */
    rotation: z
      .strictObject({ secret: z.enum(ROTATED_SECRETS), phase: z.enum(ROTATION_PHASES), at: z.iso.datetime() })
      .optional(),
  })
  .superRefine((config, context) => {
    const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    if (config.cpuMs !== undefined && !PLANS[config.plan].cpu_limit)
      refuse(["cpuMs"], `the ${config.plan} plan refuses a CPU limit: remove the key, or set the plan to paid`);
    const { traces, logs } = config.telemetryDestinations;
    if (traces.length + logs.length > 0 && !PLANS[config.plan].traces)
      refuse(
        ["telemetryDestinations"],
        `the ${config.plan} plan exports nothing: remove the key, or set the plan to paid`,
      );
    if (!config.database.generations.includes(config.database.live))
      refuse(["database", "live"], `generation ${config.database.live} is not among generations`);
    if (!config.vectors.generations.some((entry) => entry.generation === config.vectors.live))
      refuse(["vectors", "live"], `generation ${config.vectors.live} is not among generations`);
    if (config.rollout.percentage < 100 && config.rollout.previous === undefined)
      refuse(["rollout", "previous"], `${config.rollout.percentage} % need a version for the rest of the traffic`);
  });
type StackConfig = z.output<typeof stackConfig>;

/** Keys whose text is JSON in Pulumi's hands. */
const STRUCTURED: ReadonlySet<string> = new Set([
  "database",
  "vectors",
  "rollout",
  "watchdog",
  "variables",
  "notificationEmails",
  "telemetryDestinations",
  "zone",
  "local",
  "waivers",
  "rotation",
]);

type ParsedConfig =
  | { ok: true; stack: Stack; config: StackConfig; warnings: string[] }
  | { ok: false; problems: string[] };

/**
 * Checks the keys of a stack, given without the project's prefix and with the values as text. `encrypted` names those that
 * are encrypted in the stack's file, if that is known. `problems` and `warnings` are sentences with the remedy; no value
 * of a secret is among them.
 */
export function parseConfig(
  stackName: string,
  keys: Readonly<Record<string, string>>,
  encrypted: ReadonlySet<string> | null,
  now_ms: number,
): ParsedConfig {
  const stack = STACKS.find((name) => name === stackName);
  if (!stack)
    return {
      ok: false,
      problems: [`There is no stack ${stackName}. Choose with: pulumi stack select ${STACKS.join("|")}`],
    };
  const problems: string[] = [];
  const settings: Record<string, unknown> = {};
  const secretNames: ReadonlySet<string> = new Set(SECRETS);
  for (const [key, text] of Object.entries(keys)) {
    if (secretNames.has(key)) continue;
    try {
      settings[key] = STRUCTURED.has(key) ? JSON.parse(text) : text;
    } catch {
      problems.push(`prism:${key}: not a structure but the text "${text}". ${setCommand([key, "…"], stack)}`);
    }
  }
  for (const key of SECRETS) {
    const flaw = secretFlaw(key, keys[key] ?? "", encrypted);
    if (flaw !== null)
      problems.push(
        `prism:${key}: ${flaw}. Set it with: openssl rand -base64 32 | pulumi config set --secret prism:${key} --stack ${stack}`,
      );
  }
  const parsed = stackConfig.safeParse(settings);
  for (const issue of parsed.error?.issues ?? []) problems.push(...explain(issue, settings, stack));
  const waivers = (parsed.data?.waivers ?? []).flatMap((entry, index) => {
    const flaw = waiverFlaw(entry, now_ms);
    return flaw === null ? [] : [`prism:waivers[${index}]: ${flaw}. ${setCommand(["waivers", index], stack, "rm")}`];
  });
  // The last first: to remove one moves those behind it.
  problems.push(...waivers.reverse());
  const left_ms = parsed.success ? Date.parse(parsed.data.tokensExpire) - now_ms : Number.POSITIVE_INFINITY;
  if (left_ms <= 0)
    problems.push(`prism:tokensExpire: the tokens would be dead already. ${setCommand(["tokensExpire"], stack)}`);
  if (problems.length > 0 || !parsed.success) return { ok: false, problems };
  const warnings =
    left_ms < TOKEN_EXPIRY_WARNING_DAYS * DAY_MS
      ? [`The account tokens expire on ${parsed.data.tokensExpire}. ${setCommand(["tokensExpire"], stack)}`]
      : [];
  return { ok: true, stack, config: parsed.data, warnings };
}

function secretFlaw(key: SecretName, text: string, encrypted: ReadonlySet<string> | null): string | null {
  if (text === "") return OPTIONAL_SECRETS.has(key) ? null : "missing";
  if (encrypted !== null && !encrypted.has(key))
    return "stands in plain text in the stack's file, so it is no secret any more: make a new one";
  // The webhook is an address that somebody else chose.
  if (key !== "ERROR_WEBHOOK" && text.length < SECRET_CHARACTERS_MIN)
    return `has ${text.length} characters, ${SECRET_CHARACTERS_MIN} are the least`;
  return null;
}

function explain(issue: z.core.$ZodIssue, settings: Record<string, unknown>, stack: Stack): string[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return `prism:${dotted(path)}: there is no such key. ${setCommand(path, stack, "rm")}`;
    });
  const missing = issue.path.length === 1 && !(String(issue.path[0]) in settings);
  return [
    `prism:${dotted(issue.path)}: ${missing ? "missing" : lowerFirst(issue.message)}. ${setCommand(issue.path, stack)}`,
  ];
}

/** `zone.id`, `waivers[0].expires`: as `pulumi config set --path` takes it. */
function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : `${index > 0 ? "." : ""}${String(part)}`))
    .join("");
}

function setCommand(path: readonly PropertyKey[], stack: Stack, verb: "set" | "rm" = "set"): string {
  const key = path.length > 1 ? `--path 'prism:${dotted(path)}'` : `prism:${dotted(path)}`;
  return verb === "set"
    ? `Set it with: pulumi config set ${key} VALUE --stack ${stack}`
    : `Remove it with: pulumi config rm ${key} --stack ${stack}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
