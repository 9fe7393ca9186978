/** `ops runbook run` */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { sha256 } from "../../worker/ground/digest.ts";
import { actorName } from "../command/actor.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT, misuse, OpsError, refusal } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { harmless } from "../command/output.ts";
import { shownTime } from "../command/quantities.ts";
import { RISKS } from "./attributes.ts";
import { carryOut, type Run, sectionText } from "./carry-out.ts";
import { type SoundRunbook, soundRunbook } from "./library.ts";
import type { Step } from "./parse.ts";
import { findUnfinished, unfinishedRun } from "./resume.ts";
import { possibleSteps, sequenceOf, tooRisky } from "./sequence.ts";
import { stateOf, timelineOf } from "./show-run.ts";
import { stepEnvironment } from "./surroundings.ts";
import { type Event, namedIn, RUN_OUTCOMES, stepEnds, writeTranscript } from "./transcript.ts";
import { missingIn } from "./variables.ts";

const reported = z.strictObject({
  name: z.string(),
  risk: z.enum(RISKS),
  outcome: z.enum(["passed", "failed", "timed out", "skipped", "interrupted", "not run"]),
  exit_code: z.int().nullable(),
  duration_ms: z.int().nullable(),
  /** Why it was skipped or failed. */
  why: z.string().nullable(),
});
const output = z.strictObject({
  run_id: z.string().nullable().describe("null in a dry run"),
  runbook: z.string(),
  outcome: z.enum([...RUN_OUTCOMES, "planned"]),
  steps: z.array(reported),
  if_it_fails: z.string().nullable().describe("after a failure: what the runbook says of repeating"),
  undo: z.string().nullable().describe("after a failure: the step that takes the failed one back"),
  transcript_hash: z.string().nullable().describe("of the last record: runbook show-run checks the chain up to it"),
});
type Ran = z.infer<typeof output>;

const options = z.object({
  auto: z.boolean().optional().describe("ask nobody; refuses before it begins where a step risks more than --max-risk"),
  max_risk: z.enum(RISKS).default("change").describe("what --auto may do"),
  from: z.string().optional().meta({ placeholder: "step", description: "begin with this step" }),
  when: z
    .array(z.string())
    .optional()
    .meta({ placeholder: "situation", description: "a situation that is so, as when= of a step names it" }),
  resume: z
    .boolean()
    .optional()
    .describe("go on with the newest run of it that was cut off, failed or stopped, at its first unfinished step"),
});
type RunOptions = z.output<typeof options>;

export const runbookRun = defineCommand({
  path: "runbook run",
  group: "incident",
  summary: "carry a runbook out step by step: show, ask, run, record",
  notes: `Steps run in bash from the repository's folder, on the same stack and data folder as this command, with PRISM_URL set; the local platform also gives
PRISM_KEY. A person is asked before each step, the more the step risks; --auto asks nobody. Exit code 1: a step came to what the runbook does not go on
after; 3: nothing was begun. Every run leaves a transcript, which runbook show-run shows and checks. Secrets are masked in it.`,
  risk: "change",
  args: z.object({ id: z.string().describe("a runbook, or an alert that leads to one") }),
  options,
  output,
  examples: [
    "runbook run search-wrong",
    "runbook run search-wrong --auto --max-risk change --json",
    "runbook run search-wrong --resume",
  ],
  run: async (invocation, { id, ...wishes }) => await runRunbook(invocation, await soundRunbook(id), wishes),
});

/** Carries a runbook out, from its first step or where an earlier run ended. @throws OpsError of refusal before anything is begun. */
export async function runRunbook(
  invocation: Invocation,
  runbook: SoundRunbook,
  wishes: RunOptions,
): Promise<Outcome<Ran>> {
  const known = wishes.resume === true ? await unfinishedRun(invocation, runbook.id) : null;
  const from = wishes.from ?? known?.begin.from ?? null;
  const sequence = sequenceOf(runbook, from);
  if (sequence === null)
    throw misuse(
      about(runbook.id, `it has no step ${from}`, `one of ${runbook.steps.map(({ name }) => name).join(", ")}`),
    );
  refuseUnknown(runbook, wishes.when ?? []);
  const records = known?.transcript.records ?? [];
  const ended = stepEnds(records);
  const situations = [
    ...new Set([...(known?.begin.situations ?? []), ...situationsOf(runbook, ended), ...(wishes.when ?? [])]),
  ];
  const so_far = known && timelineOf(known.transcript).map(({ at, text }) => `${at} ${text}`);
  const run = { runbook, sequence, situations, ended, named: namedIn(records), so_far };
  const asks = invocation.ask !== null && wishes.auto !== true;
  preflight(invocation, run, wishes);
  if (invocation.dry_run) return planned(run);
  if (known === null && asks) await tellUnfinished(invocation, runbook);

  const surroundings = await stepEnvironment(invocation);
  if (!asks) refuseWithoutVariables(run, surroundings.env);
  const run_id = known?.begin.run_id ?? newRunId(runbook.id, invocation.now());
  invocation.begin({ run_id, runbook: runbook.id });
  const transcript = await writeTranscript(invocation.data_dir, run_id, known?.transcript ?? null, invocation.now);
  const beginning = {
    actor: actorName(),
    pid: process.pid,
    auto: !asks,
    max_risk: wishes.max_risk,
    runbook_sha256: await sha256(runbook.markdown),
  };
  const first: Event = known
    ? { kind: "resume", ...beginning }
    : { kind: "begin", run_id, runbook: runbook.id, stack: invocation.stack, from, situations, ...beginning };
  await transcript.add(first);
  const going: Run = { ...run, run_id, asks };
  const outcome = await interruptible(runbook, carryOut(invocation, going, transcript, surroundings), invocation);
  await transcript.add({ kind: "end", outcome });
  return finished(going, outcome, transcript.head());
}

/** @throws OpsError of usage for a situation that no step is for: mistyped, all that it is for would be left out, and the run be done. */
function refuseUnknown({ id, steps }: SoundRunbook, named: readonly string[]): void {
  const known = [
    ...new Set(steps.flatMap(({ when }) => (when !== null && "situation" in when ? [when.situation] : []))),
  ];
  const unknown = named.find((situation) => !known.includes(situation));
  if (unknown === undefined) return;
  const hint = known.length === 0 ? "leave --when out: it has steps for every situation" : `one of ${known.join(", ")}`;
  throw misuse(about(id, `none of its steps is for the situation "${unknown}"`, hint));
}

/** What was found to be so when steps were carried out: whoever goes on is not asked again. */
function situationsOf({ steps }: SoundRunbook, ended: Run["ended"]): string[] {
  return steps.flatMap(({ name, when }) =>
    when !== null && "situation" in when && (ended.get(name)?.outcome ?? "skipped") !== "skipped"
      ? [when.situation]
      : [],
  );
}

/** Somebody may be at work on it, or have come half way: a second run would do the same again. */
async function tellUnfinished(invocation: Invocation, { id }: SoundRunbook): Promise<void> {
  const { run_id, transcript, busy_pid } = (await findUnfinished(invocation, id)) ?? {};
  if (transcript === undefined) return;
  const way =
    busy_pid === null
      ? `to go on with it, stop here and: npm run ops -- runbook run ${id} --resume`
      : `process ${busy_pid} is at work on it now: talk to them before you change anything`;
  invocation.note(`Warning: run ${run_id} of it is ${stateOf(transcript)}; ${way}`);
}

/** @throws OpsError of refusal where the run must not begin. */
function preflight(
  invocation: Invocation,
  { runbook, sequence, situations }: Pick<Run, "runbook" | "sequence" | "situations">,
  wishes: RunOptions,
): void {
  if (wishes.auto !== true) {
    if (invocation.ask !== null || invocation.dry_run) return;
    const hint = "--auto runs it without asking, --dry-run shows what it would run";
    throw refusal(about(runbook.id, "nobody is there to be asked", hint));
  }
  const risky = tooRisky(possibleSteps(sequence, situations), wishes.max_risk);
  const [worst] = risky.toSorted((one, other) => RISKS.indexOf(other.risk) - RISKS.indexOf(one.risk));
  if (worst === undefined) return;
  const cause = `--auto may not do what risks more than ${wishes.max_risk}: ${risky.map(({ name, risk }) => `${name} (${risk})`).join(", ")}`;
  const hint = `--max-risk ${worst.risk}, or run it at a terminal, where each step is asked for`;
  throw refusal(about(runbook.id, cause, hint));
}

/** @throws OpsError of refusal where a variable is missing; whoever can be asked names it when its step has come. */
function refuseWithoutVariables(
  { runbook, sequence, situations, ended }: Pick<Run, "runbook" | "sequence" | "situations" | "ended">,
  env: NodeJS.ProcessEnv,
): void {
  const open = possibleSteps(sequence, situations).filter(({ name }) => ended.get(name)?.outcome !== "passed");
  const users = new Map<string, string[]>();
  for (const { name, commands } of open)
    for (const variable of missingIn(commands, env)) users.set(variable, [...(users.get(variable) ?? []), name]);
  if (users.size === 0) return;
  const missing = [...users];
  const cause = `its steps use variables that are not set: ${missing.map(([variable, steps]) => `${variable} (${steps.join(", ")})`).join("; ")}`;
  const hint = `export ${missing.map(([variable]) => `${variable}=…`).join(" ")}, then repeat`;
  throw refusal(about(runbook.id, cause, hint));
}

const about = (subject: string, cause: string, hint: string) => ({ op: "run the runbook", subject, cause, hint });

/** Ctrl-C, Ctrl-D at a question, and a closed terminal, with the way to go on. */
async function interruptible<T>({ id }: SoundRunbook, work: Promise<T>, { signal }: Invocation): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!signal.aborted && asOpsError(error).reason !== "interrupted") throw error;
    const cause = "interrupted; what was done is in the transcript";
    const hint = `npm run ops -- runbook run ${id} --resume`;
    throw new OpsError({ ...about(id, cause, hint), reason: "interrupted" }, { error });
  }
}

/** Sorts by time, so that the newest run is the last of its names. */
function newRunId(id: string, now_ms: number): string {
  const at = new Date(now_ms).toISOString().replaceAll(/[-:.]/g, "");
  return `${at}-${id}-${randomBytes(2).toString("hex")}`;
}

function reportOf({ sequence, ended }: Pick<Run, "sequence" | "ended">): Ran["steps"] {
  return sequence.map(({ name, risk }) => {
    const end = ended.get(name);
    if (end === undefined) return { name, risk, outcome: "not run", exit_code: null, duration_ms: null, why: null };
    const { outcome, exit_code, duration_ms, why } = end;
    return { name, risk, outcome, exit_code, duration_ms, why };
  });
}

function planned(run: Pick<Run, "runbook" | "sequence" | "situations" | "ended">): Outcome<Ran> {
  const { runbook, sequence } = run;
  const data: Ran = {
    run_id: null,
    runbook: runbook.id,
    outcome: "planned",
    steps: reportOf(run),
    if_it_fails: null,
    undo: null,
    transcript_hash: null,
  };
  return {
    data,
    text: [`${runbook.id}: ${runbook.title}`, ...sequence.map((step, index) => planLine(step, index, run))].join(
      "\n\n",
    ),
  };
}

function planLine({ name, risk, when, commands }: Step, index: number, { ended }: Pick<Run, "ended">): string {
  const done = ended.get(name);
  const state = done === undefined ? "" : `, ${done.outcome} before`;
  const only =
    when === null ? "" : `, only when ${"situation" in when ? `"${when.situation}"` : `${when.step} came to it`}`;
  return `${index + 1}. ${name} (${risk}${only}${state})\n${commands
    .split("\n")
    .map((line) => `   ${harmless(line)}`)
    .join("\n")}`;
}

function finished(run: Run, outcome: (typeof RUN_OUTCOMES)[number], transcript_hash: string): Outcome<Ran> {
  const { run_id, runbook, sequence, ended } = run;
  const steps = reportOf(run);
  const failed = sequence.find(({ name }) => ["failed", "timed out"].includes(ended.get(name)?.outcome ?? ""));
  const isFailed = outcome === "failed";
  const data: Ran = {
    run_id,
    runbook: runbook.id,
    outcome,
    steps,
    if_it_fails: isFailed ? sectionText(runbook, "If it fails") : null,
    undo: isFailed ? (failed?.undo ?? null) : null,
    transcript_hash,
  };
  const count = (wanted: string) => steps.filter((step) => step.outcome === wanted).length;
  const took_ms = steps.reduce((sum, { duration_ms }) => sum + (duration_ms ?? 0), 0);
  const end = outcome === "done" ? "Done" : outcome === "stopped" ? "Stopped" : `Failed at ${failed?.name}`;
  const text = [
    `${end}: ${count("passed")} passed, ${count("skipped")} skipped, ${count("not run")} not run, in ${shownTime(took_ms)}.`,
    `Transcript: npm run ops -- runbook show-run ${run_id}`,
    ...(outcome === "done"
      ? ["An incident is open? npm run ops -- incident update ID puts this into its timeline."]
      : [`Go on: npm run ops -- runbook run ${runbook.id} --resume`]),
    ...(data.undo === null ? [] : [`Take it back: npm run ops -- runbook run ${runbook.id} --from ${data.undo}`]),
  ].join("\n");
  return {
    data,
    text,
    ...(outcome === "done" ? {} : { exit_code: EXIT.check_failed }),
    audit: { detail: { run_id, runbook: runbook.id, outcome, passed: count("passed"), transcript_hash } },
  };
}
