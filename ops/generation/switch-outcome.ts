/** What `generation move`, `undo` and `resume` share as commands: the stores that are named, what is proposed, how a switch is told. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { expiredGenerations, nameOf, STORES } from "./generations.ts";
import type { StoreSession } from "./stores.ts";
import { type SwitchReport, type SwitchRequest, switchGeneration, switchReport } from "./switch.ts";

/** Both stores at once are one deployment. */
export const storesArgument = z.object({
  stores: z
    .enum([...STORES, "all"])
    .transform((named) => (named === "all" ? STORES : [named]))
    .describe("which of them"),
});

export const SWITCH_NOTES =
  "Writes are deferred (202 and a job) for a moment; reads never wait. Interrupted, it is gone on with by `generation resume`, or given up by `generation cancel`.";

export const switchOutput = z.union([
  z.strictObject({
    stack: z.enum(STACKS),
    dry_run: z.literal(true),
    verb: z.enum(["move", "rebuild", "undo", "resume"]),
    subject: z.string().describe("the live stores"),
    steps: z.array(z.string()),
  }),
  switchReport.extend({ stack: z.enum(STACKS) }),
]);
type SwitchOutcome = Outcome<z.infer<typeof switchOutput>>;

/** The steps that follow when the new generations are there. */
export const TAKEOVER_STEPS: readonly string[] = [
  "fence writes (202 and a job) for a moment, take over the last changes, verify",
  "bind the Worker to the new ones, record it in the configuration, release the deferred writes",
  "keep the old generation for undo",
];

/** Says what would be done in a dry run; otherwise asks, and does it. */
export async function propose(
  session: StoreSession,
  invocation: Invocation,
  verb: "move" | "rebuild" | "undo",
  request: SwitchRequest,
): Promise<SwitchOutcome> {
  const { database, vectors } = await session.target.resources();
  const moves = [
    ...(request.database ? [{ live: `database g${database.live}`, ...request.database }] : []),
    ...(request.vectors ? [{ live: `vectors g${vectors.live}`, ...request.vectors }] : []),
  ];
  const subject = moves.map(({ live }) => live).join(" and ");
  const steps = moves.flatMap(({ live, to, fill }) => [
    to === undefined ? `create a new generation beside ${live}` : `take g${to} again instead of ${live}`,
    `fill it: ${fill.name}, while the service works`,
  ]);
  if (invocation.dry_run) {
    const expired = (await expiredGenerations(session)).map(nameOf);
    const { embedding_model: change } = request;
    const model = change ? [`set EMBEDDING_MODEL to ${change.to} instead of ${change.from}, with the takeover`] : [];
    const drop = expired.length > 0 ? [`delete ${expired.join(", ")}: not live for 7 days`] : [];
    return wouldDo(invocation, verb, subject, [...steps, ...TAKEOVER_STEPS, ...model, ...drop]);
  }
  await invocation.confirm({ op: verb, subject });
  return carryOut(session, invocation, request);
}

export function wouldDo(
  { stack }: Invocation,
  verb: "move" | "rebuild" | "undo" | "resume",
  subject: string,
  steps: string[],
): SwitchOutcome {
  return {
    data: { stack, dry_run: true, verb, subject, steps },
    text: [`${verb} ${subject}:`, ...steps.map((step) => `- ${step}`)].join("\n"),
  };
}

/** @throws OpsError as `switchGeneration`. */
export async function carryOut(
  session: StoreSession,
  { stack }: Invocation,
  request: SwitchRequest,
): Promise<SwitchOutcome> {
  const report = await switchGeneration(session, request);
  return { data: { stack, ...report }, text: told(report), audit: { detail: report } };
}

function told({ database, vectors, fence_ms, deferred_writes, seconds, dropped }: SwitchReport): string {
  const moves = [
    ...(database ? [`database g${database.from} to g${database.to}`] : []),
    ...(vectors ? [`vectors g${vectors.from} to g${vectors.to}`] : []),
  ];
  return [
    `Switched ${moves.join(", ")} in ${seconds} s.`,
    `Writes were deferred for ${fence_ms} ms; ${deferred_writes} of them were applied afterwards. Reads never waited.`,
    "Undo: npm run ops -- generation undo database|vectors|all",
    ...(dropped.length > 0 ? [`Deleted, because not live for 7 days: ${dropped.join(", ")}.`] : []),
  ].join("\n");
}
