/**
 * A run of the Pulumi program on the local platform without an engine, in a process of its own: the program reads its
 * configuration while it is imported, so it runs once a process. `local-driver.ts` starts it and hears what it does.
 */
import * as pulumi from "@pulumi/pulumi";
import type { MockResourceResult } from "@pulumi/pulumi/runtime/mocks.js";
import { type DeclaredResource, hearRegistrations, settled } from "../../infra/program-monitor.ts";
import type { CloudflareAddress } from "../../ops/cloudflare/api.ts";
import { asOpsError, type ExitCode, type OpsErrorParts } from "../../ops/command/errors.ts";
import { isProtected, LocalResources, type Reconciliation } from "./local-driver-resource.ts";
import type { KnownResource } from "./local-driver-state.ts";

export interface RunRequest {
  preview: boolean;
  /** As Pulumi hands it to a program, secrets included. */
  config: Record<string, string>;
  api: CloudflareAddress;
  known: KnownResource[];
}

export type RunMessage =
  | { kind: "done"; done: Reconciliation }
  | { kind: "gone"; type: string; name: string; protected: boolean }
  | { kind: "warning"; text: string }
  | { kind: "outputs"; outputs: unknown }
  | { kind: "error"; parts: OpsErrorParts; exit_code: ExitCode };

const say = (message: RunMessage): Promise<void> =>
  new Promise((resolve, reject) => process.send?.(message, (error) => (error ? reject(error) : resolve())));

/** The first failure ends the run: what was done before stays done. */
async function fail(thrown: unknown): Promise<never> {
  const { parts, exit_code } =
    thrown instanceof pulumi.RunError || isProviderError(thrown) ? programFailure(thrown) : asOpsError(thrown);
  await say({ kind: "error", parts, exit_code });
  process.exit(1);
}

async function run({ preview, config, api, known }: RunRequest): Promise<void> {
  const { signal } = new AbortController();
  const resources = new LocalResources(api, signal);
  const declared = new Map<string, DeclaredResource>();
  const knownByKey = new Map(known.map((one) => [keyOf(one), one]));

  const newResource = async ({ type, name }: { type: string; name: string }): Promise<MockResourceResult> => {
    const registered = declared.get(keyOf({ type, name }));
    if (!registered || type.startsWith("pulumi:")) return { id: "", state: {} };
    try {
      const done = await resources.reconcile(registered, knownByKey.get(keyOf(registered)), preview);
      await say({ kind: "done", done });
      return { id: done.resource.id, state: done.resource.outputs };
    } catch (error) {
      return fail(named(error, name));
    }
  };
  await pulumi.runtime.setMocks(
    { newResource, call: ({ token, inputs }) => resources.invoke(token, inputs).catch(fail) },
    "prism",
    "local",
    preview,
  );
  hearRegistrations((registered) => declared.set(keyOf(registered), registered));
  pulumi.log.warn = async (text) => say({ kind: "warning", text });
  pulumi.runtime.setAllConfig(config);

  const { default: exported } = await import("../../infra/index.ts");
  const outputs = await settled(pulumi.output(exported));
  await pulumi.runtime.disconnect();
  for (const one of known.toReversed()) {
    if (declared.has(keyOf(one))) continue;
    if (!preview) {
      if (one.protect) throw isProtected(one.name, "deleted", []);
      await resources.delete(one).catch((error: unknown) => fail(named(error, one.name)));
    }
    await say({ kind: "gone", type: one.type, name: one.name, protected: one.protect });
  }
  await say({ kind: "outputs", outputs });
}

/** There may be no `pulumi` here to set a key with. */
const REMEDY =
  "correct it (keys: Pulumi.local.yaml, and over it `config` in stack.json of the data folder), then repeat: what was done stays done";

const keyOf = ({ type, name }: { type: string; name: string }): string => `${type} ${name}`;

/** Errors of the resource types come from another client and do not know which resource they are about. */
function named(error: unknown, name: string): unknown {
  if (!isProviderError(error)) return error;
  return new pulumi.RunError(`${name}: ${error.message}`);
}

/** The providers say what was refused, why, and what to do in one message. */
function isProviderError(error: unknown): error is Error {
  return error instanceof Error && (error.constructor === Error || "errors" in error || error.name === "PartlyDone");
}

function programFailure(error: Error): { parts: OpsErrorParts; exit_code: ExitCode } {
  const [cause = "", hint] = error.message.split(/\n\s*Try: /);
  return {
    parts: {
      op: "deploy",
      subject: "local",
      cause: cause
        .trim()
        .replaceAll(/\s*\n\s*/g, " ")
        .replace(/\.$/, ""),
      hint: hint ?? REMEDY,
    },
    exit_code: 1,
  };
}

process.once("message", (request: RunRequest) => {
  run(request).then(() => process.disconnect(), fail);
});
