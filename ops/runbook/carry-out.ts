/** Goes through the steps of a run, one after another: asks, runs, records, and stops where the runbook does not go on. */
import type { Invocation } from "../command/invocation.ts";
import { RUNBOOK_STEP_TIMEOUT_MS } from "../limits.ts";
import { execute } from "./execute.ts";
import type { SoundRunbook } from "./library.ts";
import type { Step } from "./parse.ts";
import { createScreen, questionFor, type Screen } from "./screen.ts";
import { type Came, whyNot, whyUnexpected } from "./sequence.ts";
import { SECRET_NAME, type StepEnvironment } from "./surroundings.ts";
import type { RUN_OUTCOMES, StepEnd, TranscriptWriter } from "./transcript.ts";
import { missingIn, variablesOf } from "./variables.ts";

export interface Run {
  run_id: string;
  runbook: SoundRunbook;
  /** In their order, those included that are done. */
  sequence: readonly Step[];
  situations: string[];
  /** What steps came to before, where a run goes on. */
  ended: Map<string, StepEnd>;
  /** Variables that a person named, before or now: shown where they are asked for again. */
  named: Map<string, string>;
  /** Asked at the terminal before each step; false: nobody is. */
  asks: boolean;
  /** What happened before, in lines, where a run goes on. */
  so_far: string[] | null;
}

/** What came of a run; `ended` of `run` then holds what came of its steps. */
export async function carryOut(
  invocation: Invocation,
  run: Run,
  transcript: TranscriptWriter,
  { env, masked }: StepEnvironment,
): Promise<(typeof RUN_OUTCOMES)[number]> {
  const { sequence, runbook, ended } = run;
  const screen = createScreen(invocation);
  screen.begin(runbook, sequence.length, { ...run, path: transcript.path, not: sectionText(runbook, "Do not") });
  for (const [index, step] of sequence.entries()) {
    const before = ended.get(step.name);
    if (before?.outcome === "passed" || before?.outcome === "skipped") continue;
    const next = sequence[index + 1] ?? null;
    const place = { index, count: sequence.length };
    for (let isAgain = false; ; isAgain = true) {
      const end = await oneStep(invocation, run, { isAgain, step, place, screen, transcript, env, masked });
      if (end === "stop") return "stopped";
      ended.set(step.name, end);
      if (end.outcome === "skipped") break;
      screen.ended(step, end, next);
      if (end.outcome === "passed") break;
      screen.ifItFails(sectionText(runbook, "If it fails"));
      const answer = run.asks ? await afterFailure(invocation, run, step, { screen, transcript, env, masked }) : "stop";
      if (answer === "stop") return "failed";
    }
  }
  return "done";
}

interface Means extends StepEnvironment {
  screen: Screen;
  transcript: TranscriptWriter;
}

/** What the step came to, or that a person wants to stop. */
async function oneStep(
  invocation: Invocation,
  run: Run,
  means: Means & { step: Step; place: { index: number; count: number }; isAgain: boolean },
): Promise<StepEnd | "stop"> {
  const { step, place, screen, transcript, isAgain } = means;
  const why = await whyNotNow(invocation, run, step);
  if (why === "stop") return "stop";
  if (why !== null) return await skip(step, why.told, means);
  screen.step(step, place, step.timeout_ms ?? RUNBOOK_STEP_TIMEOUT_MS);
  const unnamed = run.asks ? await nameVariables(invocation, run, step, { ...means, isAgain }) : null;
  if (unnamed !== null) return await skip(step, `${unnamed} was not named`, means);
  // Whoever repeats a step has just said so.
  const isToAsk = run.asks && (!isAgain || step.risk === "destructive");
  const answer = isToAsk ? await asked(invocation, step) : "run";
  if (answer === "stop") return "stop";
  if (answer === "skip") return await skip(step, "not wanted by who ran this", means);
  const end = await runStep(invocation, run, step, means);
  await transcript.add(end);
  invocation.signal.throwIfAborted();
  return end;
}

async function skip(step: Step, why: string, { screen, transcript }: Means): Promise<StepEnd> {
  screen.skipped(step, why);
  const end: StepEnd = {
    kind: "step end",
    step: step.name,
    outcome: "skipped",
    exit_code: null,
    duration_ms: 0,
    output: "",
    why,
  };
  await transcript.add(end);
  return end;
}

async function runStep(
  { signal, now }: Invocation,
  run: Run,
  step: Step,
  { screen, transcript, env, masked }: Means,
): Promise<StepEnd> {
  const named = variablesOf(step.commands).flatMap((variable) => {
    const value = run.named.get(variable);
    return value === undefined || SECRET_NAME.test(variable) || masked(value) !== value ? [] : [[variable, value]];
  });
  await transcript.add({
    ...{ kind: "step begin", step: step.name, risk: step.risk, commands: masked(step.commands) },
    ...(named.length > 0 && { named: Object.fromEntries(named) }),
  });
  const began_ms = now();
  const timeout_ms = step.timeout_ms ?? RUNBOOK_STEP_TIMEOUT_MS;
  const { exit_code, timed_out, output } = await execute(step, {
    env,
    signal,
    timeout_ms,
    masked,
    on_line: screen.line,
  });
  const why = timed_out ? "its time was over" : whyUnexpected(step.expect, exit_code, output);
  const outcome = signal.aborted ? "interrupted" : timed_out ? "timed out" : why === null ? "passed" : "failed";
  return {
    kind: "step end",
    step: step.name,
    outcome,
    exit_code,
    duration_ms: Math.max(0, now() - began_ms),
    output,
    why,
  };
}

/** Where a person is there, the situation is asked for. */
async function whyNotNow(
  { ask }: Invocation,
  { situations, ended, asks }: Run,
  step: Step,
): Promise<{ told: string } | "stop" | null> {
  const told = whyNot(step.when, situations, ended as ReadonlyMap<string, Came>);
  if (told === null) return null;
  if (!asks || step.when === null || !("situation" in step.when)) return { told };
  const { situation } = step.when;
  const question = `\n   ${step.name} is only for the situation "${situation}". Is it so? y, or Enter for no; q stops here: `;
  const answer = (await ask?.(question)) ?? "q";
  if (answer === "q" || answer === "quit") return "stop";
  if (answer !== "y" && answer !== "yes") return { told };
  situations.push(situation);
  return null;
}

/**
 * Now, and not before the first step: those before this one show what to name. What was named for a step that is repeated, or before the run
 * was cut off, is shown to be kept or corrected. Returns the variable that a person left empty, without which the step cannot be carried out;
 * null where all are named.
 */
async function nameVariables(
  { ask }: Invocation,
  { named }: Run,
  { commands }: Step,
  { env, isAgain }: Pick<StepEnvironment, "env"> & { isAgain: boolean },
): Promise<string | null> {
  const missing = missingIn(commands, env);
  const again = isAgain ? variablesOf(commands).filter((variable) => named.has(variable)) : [];
  for (const variable of new Set([...missing, ...again])) {
    const before = named.get(variable);
    const shown = SECRET_NAME.test(variable) ? "what you named" : before;
    const answer = await ask?.(
      `   ${variable} (Enter ${before === undefined ? "skips this step" : `keeps ${shown}`}): `,
    );
    const value = answer || before;
    if (value === undefined) return variable;
    env[variable] = value;
    named.set(variable, value);
  }
  return null;
}

async function asked({ ask }: Invocation, step: Step): Promise<"run" | "skip" | "stop"> {
  const { text, yes } = questionFor(step);
  for (;;) {
    const answer = (await ask?.(text)) ?? "q";
    if (yes.includes(answer)) return "run";
    if (answer === "s" || answer === "skip") return "skip";
    if (answer === "q" || answer === "quit") return "stop";
  }
}

/** Whether to try the step once more. */
async function afterFailure(invocation: Invocation, run: Run, step: Step, means: Means): Promise<"again" | "stop"> {
  const undo = run.runbook.steps.find(({ name }) => name === step.undo);
  const back = undo === undefined ? "" : `, u takes it back by ${undo.name} (${undo.risk})`;
  for (;;) {
    const answer = await invocation.ask?.(`   r repeats ${step.name}${back}, q stops here: `);
    if (answer === "r") return "again";
    if (answer === "u" && undo !== undefined) {
      if ((await nameVariables(invocation, run, undo, { ...means, isAgain: false })) !== null) continue;
      if (undo.risk === "destructive" && (await asked(invocation, undo)) !== "run") continue;
      const end = await runStep(invocation, run, undo, means);
      await means.transcript.add(end);
      means.screen.ended(undo, end, null);
      return "stop";
    }
    if (answer === "q" || answer === undefined) return "stop";
  }
}

/** The prose of a section, without its blocks of commands. */
export function sectionText({ sections }: SoundRunbook, title: string): string {
  const text = sections.find((section) => section.title === title)?.text ?? "";
  return text.replaceAll(/^```[\s\S]*?^```$/gm, "").trim();
}
