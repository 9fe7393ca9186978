/** What the engine prints with `--json`, one event a line, as steps and as errors that say what to do. Pure. */
import { z } from "zod";
import type { Stack } from "../../infra/inventory.ts";
import { refusalIn, remedyOf } from "../../infra/refusals.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import type { PlannedStep } from "./driver.ts";

const resourceState = z.object({
  protect: z.boolean().optional(),
  inputs: z.record(z.string(), z.unknown()).nullish(),
});
const stepEvent = z.object({
  metadata: z.object({
    op: z.string(),
    urn: z.string(),
    type: z.string(),
    old: resourceState.nullish(),
    new: resourceState.nullish(),
    diffs: z.array(z.string()).nullish(),
    detailedDiff: z.record(z.string(), z.unknown()).nullish(),
  }),
});
/** https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/events.go */
const engineEvent = z.object({
  resourcePreEvent: stepEvent.optional(),
  resOutputsEvent: stepEvent.optional(),
  diagnosticEvent: z
    .object({
      urn: z.string().optional(),
      message: z.string(),
      severity: z.string(),
      ephemeral: z.boolean().optional(),
    })
    .optional(),
});
type EngineEvent = z.infer<typeof engineEvent>;

/** An event of the engine, or null for a line that is none. */
export function readEvent(line: string): EngineEvent | null {
  if (!line.startsWith("{")) return null;
  try {
    return engineEvent.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

/** The engine's operations that mean something to data; what only it knows of (`read`, `refresh`) is none. */
const KINDS: Readonly<Record<string, PlannedStep["kind"]>> = {
  same: "same",
  create: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  import: "create",
};

/** A step of the program's own resources; null for the stack itself, for providers and for what changes nothing. */
export function stepOf({ metadata }: z.infer<typeof stepEvent>): PlannedStep | null {
  const { op, urn, type } = metadata;
  const kind = KINDS[op];
  if (kind === undefined || type.startsWith("pulumi:")) return null;
  return {
    kind,
    type,
    name: nameOf(urn),
    changed: [...new Set((metadata.diffs ?? []).map(topLevel))].sort(),
    protected: (metadata.old ?? metadata.new)?.protect ?? false,
  };
}

/** Paths that differ, finer than `changed`: what suppressions are written for. */
export function differences({ metadata }: z.infer<typeof stepEvent>): string[] {
  const detailed = Object.keys(metadata.detailedDiff ?? {});
  return detailed.length > 0 ? detailed : [...(metadata.diffs ?? [])];
}

/** Every step once, in order. A replacement is reported as three operations; the first word counts. */
export function uniqueSteps(steps: readonly PlannedStep[]): PlannedStep[] {
  const byName = new Map<string, PlannedStep>();
  for (const step of steps) {
    const key = `${step.type} ${step.name}`;
    const before = byName.get(key);
    byName.set(key, before ? { ...before, changed: [...new Set([...before.changed, ...step.changed])].sort() } : step);
  }
  return [...byName.values()];
}

/** Name of a resource in the program. */
export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** Type token of a resource, without those of its parents. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** `bindings[3].text` → `bindings`. */
export function topLevel(path: string): string {
  return path.split(/[.[]/)[0] ?? path;
}

/** A run of the engine that failed, as one error: the provider's or the program's own words once, and what to do. */
export function engineFailure(stack: Stack, args: readonly string[], stdout: string, stderr: string): OpsError {
  const [command = ""] = args;
  const said = [...diagnostics(stdout), ...plainErrors(stderr), ...plainErrors(stdout)];
  const [first, ...others] = said.filter(
    ({ text }, at) => !SUMMARY.test(text) && said.findIndex((one) => one.text === text) === at,
  );
  const { cause, remedy } = wordsAndRemedy(first?.text ?? stderr.trim() ?? "it gave no reason");
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return new OpsError(
    {
      op: `pulumi ${command}`,
      subject: first?.name ?? stack,
      cause: `${cause}${more}`,
      hint: remedy ?? knownRemedy(cause, stack),
      reason: LOCKED.test(cause) ? "busy" : undefined,
    },
    { exit_code: /protect/.test(cause) && /[Uu]nable to/.test(cause) ? EXIT.refused : EXIT.check_failed },
  );
}

/** Another run of the engine has the stack's state, or died with it. */
const LOCKED = /currently locked|lock file/;
const SUMMARY = /^(update|preview|refresh|destroy) failed$|resource changes? failed|^resource monitor shut down/i;

interface Said {
  text: string;
  /** Of the resource that it is about; undefined for the stack. */
  name: string | undefined;
}

function diagnostics(stdout: string): Said[] {
  return stdout.split("\n").flatMap((line) => {
    const event = readEvent(line)?.diagnosticEvent;
    if (event?.severity !== "error" || event.ephemeral) return [];
    const { urn = "" } = event;
    return [
      { text: event.message.trim(), name: urn === "" || urn.includes("pulumi:pulumi:Stack") ? undefined : nameOf(urn) },
    ];
  });
}

function plainErrors(text: string): Said[] {
  return text.split("\n").flatMap((line) => {
    const [, message] = /^error: (.+)/.exec(line) ?? [];
    return message === undefined ? [] : [{ text: message, name: undefined }];
  });
}

/** This project's own messages carry their remedy: `…\nTry: …`, or a last sentence with the command that sets a key. */
function wordsAndRemedy(text: string): { cause: string; remedy: string | undefined } {
  const [words = "", remedy] = text
    .replaceAll(/(error )?serializing property "[^"]*": /g, "")
    .replace(/^\s*(error|rpc error: code = \w+ desc =)\s*:?\s*/i, "")
    .split(/\n\s*Try: /);
  const cause = words
    .replaceAll(/\s*\n\s*/g, " ")
    .trim()
    .replace(/\.$/, "");
  return { cause, remedy: remedy?.split("\n")[0] };
}

function knownRemedy(cause: string, stack: Stack): string {
  const refusal = refusalIn(cause);
  if (refusal) return remedyOf(refusal).replace("STACK", stack);
  if (/protect/.test(cause))
    return `a store is replaced or deleted only with a waiver in prism:waivers of Pulumi.${stack}.yaml (infra/README.md)`;
  if (/incorrect passphrase|passphrase must be set/.test(cause))
    return "export CLOUDFLARE_API_TOKEN of the token that the stack was made with, or its PULUMI_CONFIG_PASSPHRASE";
  if (LOCKED.test(cause)) return `wait for the other run; if there is none any more: pulumi cancel --stack ${stack}`;
  if (/no stack named|no previous deployment|not found/.test(cause)) return `npm run ops -- bootstrap --stack ${stack}`;
  if (/Set it with:|Remove it with:/.test(cause)) return "run the command that the message names, then repeat";
  return "correct what the message names, then repeat: what was done stays done";
}
