/** A runbook run as the engineer on call runs it: a process of its own, which asks nobody. */
import { z } from "zod";
import { jsonIn } from "../../worker/ground/json.ts";
import { CLOCK_OFFSET } from "../clock.ts";
import { shellWith } from "../programs.ts";
import { soundRunbook } from "../runbook/library.ts";
import type { Arena } from "./arena.ts";
import type { Fault } from "./fault.ts";
import { type Played, ranStep } from "./played.ts";

/** What `runbook run --json` prints, as far as it is looked at. */
const ran = z.object({ outcome: z.string(), steps: z.array(z.object(ranStep.shape)) });

export interface RunbookRun {
  /** It came to its end. */
  done: boolean;
  /** Those that were carried out. */
  steps: Played["steps"];
  /** One of these put another version in place. */
  deployed: boolean;
}

/** Commands after which another version serves, where they are more than a look. */
const DEPLOYS = /\bops -- (deploy|rollback)\b(?!.*--dry-run)/;

/** A shell of this platform's engineer: what is run there works on it, by its clock. */
export function shellOf({ data_dir, invocation, faults }: Arena, variables: Record<string, string> = {}) {
  const clock = { [CLOCK_OFFSET]: String(faults.clock_offset_ms) };
  const env = { ...invocation.env, ...clock, PRISM_DATA: data_dir, ...variables };
  return shellWith({ env, signal: invocation.signal });
}

/** Variables of the engineer's shell win over those that `runbook run` finds out by itself. */
export async function runRunbook(
  arena: Arena,
  { runbook, situations = [] }: Fault,
  { variables, resume }: { variables: Record<string, string>; resume: boolean },
): Promise<RunbookRun> {
  const { invocation } = arena;
  const flags = [...situations.flatMap((situation) => ["--when", situation]), ...(resume ? ["--resume"] : [])];
  const shell = shellOf(arena, variables);
  const run = await shell`npm run --silent ops -- runbook run ${runbook} --auto --max-risk destructive --json ${flags}`;
  const report = ran.safeParse(jsonIn(run.stdout));
  if (!report.success) {
    invocation.note(`${runbook}: ${run.stderr.trim()}`);
    return { done: false, steps: [], deployed: false };
  }
  const { outcome, steps } = report.data;
  const done = outcome === "done";
  if (!done) invocation.note(`${runbook} ended as ${outcome}: ${run.stderr.trim()}`);
  const carriedOut = steps.filter((step) => step.outcome !== "skipped" && step.outcome !== "not run");
  const deploying = (await soundRunbook(runbook)).steps.filter(({ commands }) => DEPLOYS.test(commands));
  const deployed = carriedOut.some((step) => deploying.some(({ name }) => name === step.name));
  return { done, steps: carriedOut, deployed };
}
