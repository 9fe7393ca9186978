/** Which steps of a runbook a run goes through, and whether one is wanted now. Pure. */
import { type Condition, conditionTold, type Expectation, expectationTold, RISKS, type Risk } from "./attributes.ts";
import type { Runbook, Step } from "./parse.ts";

/** What an earlier step came to. */
export interface Came {
  outcome: "passed" | "failed" | "timed out" | "skipped";
  exit_code: number | null;
  output: string;
}

const LAST_RESORT = "If it fails";

/**
 * The steps in their order. Those below "If it fails", and those that take another one back, are wanted only where somebody begins with them.
 * Null where `from` names no step.
 */
export function sequenceOf({ steps }: Pick<Runbook, "steps">, from: string | null): Step[] | null {
  const first = from === null ? 0 : steps.findIndex(({ name }) => name === from);
  if (first === -1) return null;
  const takesBack = new Set(steps.map(({ undo }) => undo));
  const isLastResort = steps[first]?.section === LAST_RESORT;
  return steps
    .slice(first)
    .filter(
      ({ name, section }) => name === from || (!takesBack.has(name) && (isLastResort || section !== LAST_RESORT)),
    );
}

/** Steps that may be carried out: all but those of a situation that nobody named. */
export function possibleSteps(sequence: readonly Step[], situations: readonly string[]): Step[] {
  return sequence.filter(({ when }) => when === null || "step" in when || situations.includes(when.situation));
}

/** Steps with more at stake than `max_risk`. */
export function tooRisky(steps: readonly Step[], max_risk: Risk): Step[] {
  return steps.filter(({ risk }) => RISKS.indexOf(risk) > RISKS.indexOf(max_risk));
}

/** Why a step is not wanted now; null where it is. `came` holds what the steps before it came to, by name. */
export function whyNot(
  when: Condition | null,
  situations: readonly string[],
  came: ReadonlyMap<string, Came>,
): string | null {
  if (when === null) return null;
  return holds(when, situations, came) ? null : `only when ${conditionTold(when)}`;
}

function holds(when: Condition, situations: readonly string[], came: ReadonlyMap<string, Came>): boolean {
  if ("situation" in when) return situations.includes(when.situation);
  const earlier = came.get(when.step);
  if (earlier === undefined || earlier.outcome === "skipped") return false;
  const { is } = when;
  const { exit_code: code, output } = earlier;
  if (is === "passed") return code === 0;
  if (is === "failed") return code !== 0;
  return "code" in is ? code === is.code : new RegExp(is.output).test(output);
}

/** Why what a step came to does not let the runbook go on; null where it does. */
export function whyUnexpected(expect: Expectation | null, code: number | null, output: string): string | null {
  if (expect === null) return null;
  const isExpected = code === expect.code && (expect.output === null || new RegExp(expect.output).test(output));
  return isExpected ? null : `exit code ${code ?? "none"}; expected was ${expectationTold(expect)}`;
}
