/**
 * `ops synthetic`: the critical journeys, walked as a caller walks them, in a tenant of their own.
 *
 * A temporary key and temporary documents, removed again whatever happens in between. Their facts are new in every
 * run, so that no cache and no earlier run can answer for them.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table, verdict } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import { revokeKey } from "../keys/keys.ts";
import { CLEANUP_TIMEOUT_MS, SYNTHETIC_JOB_WAIT_MS } from "../limits.ts";
import { type Client, createClient } from "../service/client.ts";
import type { ServiceAddress } from "../stack/target.ts";
import { type Journey, journeys, TENANT, type Traces, temporaryKey } from "./synthetic-journeys.ts";

const journeyStep = z.strictObject({
  name: z.string(),
  state: z.enum(["pass", "fail", "skipped"]),
  latency_ms: z.number().nullable(),
  /** Why it failed or was skipped. */
  detail: z.string().nullable(),
});
export type JourneyStep = z.infer<typeof journeyStep>;

const output = z.union([
  z.strictObject({
    stack: z.enum(STACKS),
    passed: z.boolean(),
    steps: z.array(journeyStep),
    left_behind: z.array(z.string()).describe("what could not be removed, and why"),
  }),
  z.strictObject({ dry_run: z.literal(true), stack: z.enum(STACKS), steps: z.array(z.string()) }),
]);

export const synthetic = defineCommand({
  path: "synthetic",
  group: "health",
  summary: "walk the critical journeys: write, search, chat, stream, delete, revoke; cleans up after itself",
  notes: `Uses the tenant "${TENANT}" and the bootstrap secret to make a key there. Exit code 1 when a journey fails.`,
  risk: "read",
  options: z.object({ dry_run: z.boolean().default(false).describe("name the journeys, send nothing") }),
  output,
  examples: ["synthetic", "synthetic --stack production --json"],
  run: walk,
});

async function walk(
  invocation: Invocation,
  { dry_run }: { dry_run: boolean },
): Promise<Outcome<z.infer<typeof output>>> {
  const { stack } = invocation;
  if (dry_run) {
    const admin = await invocation.client();
    const steps = planned(admin, { key: null, documents: new Set() }, invocation.signal).map(({ name }) => name);
    return { data: { dry_run, stack, steps }, text: steps.join("\n") };
  }
  const service = await (await invocation.target()).service();
  const { passed, steps, left_behind } = await walkJourneys(service, invocation, {});
  for (const item of left_behind) invocation.note(`Left behind: ${item}`);
  const text = table(invocation.terminal, steps, [
    { title: "journey", value: (step) => step.name },
    {
      title: "result",
      value: ({ state }) => (state === "skipped" ? state : verdict(state === "pass", invocation.colour)),
      own_words: true,
    },
    { title: "ms", value: ({ latency_ms }) => latency_ms ?? "-", align: "right" },
    { title: "detail", value: ({ detail }) => detail ?? "" },
  ]);
  return {
    data: { stack, passed, steps, left_behind },
    text,
    exit_code: passed ? EXIT.done : EXIT.check_failed,
  };
}

export interface JourneysWalked {
  /** All passed and nothing was left behind. */
  passed: boolean;
  steps: JourneyStep[];
  /** What could not be removed, and why. */
  left_behind: string[];
}

/** Walks all journeys. `headers` go with every request, e.g. which version is to answer; cleaning up does without them. */
export async function walkJourneys(
  { url, secret }: ServiceAddress,
  { signal, progress }: Pick<Invocation, "signal" | "progress">,
  headers: Readonly<Record<string, string>>,
): Promise<JourneysWalked> {
  const admin = createClient({ url, token: secret, signal, headers });
  const traces: Traces = { key: null, documents: new Set() };
  let steps: JourneyStep[] = [];
  let left_behind: string[] = [];
  try {
    steps = await walkAll(planned(admin, traces, signal), progress);
  } finally {
    left_behind = await cleanUp({ url, secret }, traces);
  }
  const passed = steps.every(({ state }) => state === "pass") && left_behind.length === 0;
  return { passed, steps, left_behind };
}

function planned(admin: Client, traces: Traces, signal: AbortSignal): Journey[] {
  return journeys({ admin, traces, signal, nonce: randomBytes(6).toString("hex"), job_wait_ms: SYNTHETIC_JOB_WAIT_MS });
}

async function walkAll(journeys: readonly Journey[], progress: Invocation["progress"]): Promise<JourneyStep[]> {
  const steps: JourneyStep[] = [];
  const passed = new Set<string>();
  progress.start("journeys", journeys.length);
  for (const { name, needs, walk } of journeys) {
    const missing = needs.find((need) => !passed.has(need));
    if (missing !== undefined) {
      steps.push({ name, state: "skipped", latency_ms: null, detail: `needs "${missing}"` });
      continue;
    }
    const started_ms = performance.now();
    const failure = await walk().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const latency_ms = rounded(performance.now() - started_ms, 1);
    if (failure === null) passed.add(name);
    steps.push({ name, state: failure === null ? "pass" : "fail", latency_ms, detail: failure });
    progress.update(steps.length);
  }
  progress.stop();
  return steps;
}

/** Removes what is left, also after Ctrl-C or the deadline. Returns what could not be removed, and why. */
async function cleanUp({ url, secret }: ServiceAddress, traces: Traces): Promise<string[]> {
  const { documents } = traces;
  if (traces.key === null && documents.size === 0) return [];
  const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
  const failures: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: unknown) => failures.push(`${what}: ${asOpsError(error).parts.cause}`));
  };
  const admin = createClient({ url, token: secret, signal });
  // Its end was a journey, too: what was not deleted before it takes another one.
  const key = traces.key ?? (await temporaryKey(admin, "clean-up").catch(() => null));
  if (key === null) return [...documents].map((id) => `document ${id} of tenant ${TENANT}: its key is gone`);
  const caller = admin.as(key.token);
  for (const id of documents) {
    await attempt(`document ${id} of tenant ${TENANT}`, async () => {
      const path = `/api/v1/documents/${id}`;
      const { ok, status } = await caller.send("DELETE", path);
      // Where writes are refused it may never have been written.
      if (!ok && status !== 404 && (await caller.send("GET", path)).status !== 404)
        throw new Error(`answered ${status}`);
    });
  }
  await attempt(`key ${key.id}`, () => revokeKey(admin, key.id));
  return failures;
}
