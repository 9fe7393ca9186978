/** One fault from beginning to end: usual traffic, the fault, its alert, its runbook, recovery, and what became of what was promised. */
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { HOUR_MS, MINUTE_MS } from "../../worker/ground/time.ts";
import { ALERT_STEP_MIN } from "../../worker/limits.ts";
import type { Invocation } from "../command/invocation.ts";
import { walkJourneys } from "../health/synthetic.ts";
import { GAMEDAY_PATIENCE_MIN, GAMEDAY_STRIKES_AFTER_MS, GAMEDAY_WARM_UP_MIN } from "../limits.ts";
import type { Arena } from "./arena.ts";
import type { Fault } from "./fault.ts";
import type { Played } from "./played.ts";
import { type RunbookRun, runRunbook } from "./run-runbook.ts";
import { isNews, ruleOf, type Told } from "./webhooks.ts";

const EVALUATION_MS = ALERT_STEP_MIN * MINUTE_MS;
const S_MS = 1_000;
const DEPLOYMENT_RULE = "change-deploy";
/** The job whose age is an alert of its own. */
const BACKUP_EVERY_H = 24;

/**
 * Lets the usual traffic run until a little after an evaluation, last night's backup being made: then a fault may strike. Rules that told
 * of something meanwhile, which is a false alert: changes aside, since what prepares a fault may deploy.
 */
export async function warmUp({ admin, clock, traffic, webhooks }: Arena): Promise<string[]> {
  const heard = webhooks.told.length;
  await admin.post("/api/v1/heartbeats/backup", {
    result: "success",
    next_due_at: new Date(clock.now() + BACKUP_EVERY_H * HOUR_MS).toISOString(),
  });
  const evaluation_ms = Math.ceil(clock.now() / EVALUATION_MS) * EVALUATION_MS + GAMEDAY_WARM_UP_MIN * MINUTE_MS;
  await clock.passTo(evaluation_ms + GAMEDAY_STRIKES_AFTER_MS, () => traffic.minute());
  return rulesOf(webhooks.told.slice(heard).filter(({ kind }) => kind !== "change"));
}

/** `early`: rules that told of something before the fault. */
export async function play(arena: Arena, fault: Fault, early: readonly string[]): Promise<Played> {
  const { clock, traffic, webhooks } = arena;
  const heard = webhooks.told.length;
  const told = () => webhooks.told.slice(heard);
  const waits_s = ruleWaits_s(fault);
  const before = { requests: traffic.requests, failed: traffic.failed };

  const struck_ms = clock.now();
  const since_s = (at_ms: number) => Math.round((at_ms - struck_ms) / S_MS);
  await fault.inject(arena);
  const detected = await passUntil(
    arena,
    struck_ms + waits_s * S_MS,
    () => told().find(({ kind, alert }) => isNews(kind) && ruleOf(alert) === fault.alert),
    async () => fault.workload?.(arena),
  );
  const ran = detected === undefined ? { done: false, steps: [], deployed: false } : await mend(arena, fault);
  const recovered_ms = detected === undefined ? null : await recover(arena);
  const isChange = detected?.kind === "change";
  const resolved = isChange
    ? detected
    : // What takes long to build up takes as long to go.
      await passUntil(arena, clock.now() + (fault.builds_up_min ?? 0) * MINUTE_MS, () =>
        told().findLast(({ kind, alert }) => kind === "resolved" && ruleOf(alert) === fault.alert),
      );
  const shortfall = await afterwards(arena, fault);
  const lost = await traffic.lost();
  const rules = rulesOf(told());
  // A runbook goes back to the release before, where there is one: of that, too, people are told.
  const expected = [fault.alert, ...(fault.also ?? []), ...(ran.deployed ? [DEPLOYMENT_RULE] : [])];
  return {
    id: fault.id,
    alert: fault.alert,
    runbook: fault.runbook,
    detected_after_s: detected === undefined ? null : since_s(detected.at_ms) - waits_s,
    rule_waits_s: waits_s,
    recovered_after_s: recovered_ms === null ? null : since_s(recovered_ms),
    resolved_after_s: resolved === undefined ? null : since_s(resolved.at_ms),
    alerts: rules,
    unexpected: [...new Set([...early, ...rules.filter((rule) => !expected.includes(rule))])],
    requests: traffic.requests - before.requests,
    failed: traffic.failed - before.failed,
    promised: traffic.promised,
    lost: lost.length,
    shortfall,
    runbook_done: ran.done,
    steps: ran.steps,
  };
}

/** Rules that told of something, each once. */
function rulesOf(told: readonly Told[]): string[] {
  return [...new Set(told.flatMap(({ kind, alert }) => (isNews(kind) ? ruleOf(alert) : [])))];
}

async function afterwards(arena: Arena, fault: Fault): Promise<string | null> {
  try {
    await fault.afterwards?.(arena);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs the runbook; where the fault passes by itself, once more after that, from where it stopped. */
async function mend(arena: Arena, fault: Fault): Promise<RunbookRun> {
  const variables = (await fault.variables?.(arena)) ?? {};
  const first = await runRunbook(arena, fault, { variables, resume: false });
  if (fault.passes === undefined) return first;
  await fault.passes(arena);
  return first.done ? first : runRunbook(arena, fault, { variables, resume: true });
}

/** When the journeys passed again; null when they do not for long. */
async function recover(arena: Arena): Promise<number | null> {
  const { clock, traffic, invocation } = arena;
  const patience_ms = clock.now() + GAMEDAY_PATIENCE_MIN * MINUTE_MS;
  for (;;) {
    if (await journeysPass(invocation)) return clock.now();
    if (clock.now() > patience_ms) return null;
    await clock.passTo(clock.now() + MINUTE_MS, () => traffic.minute());
  }
}

/** Nothing is left of them. Those that fail are named: a recovery that takes long has a reason. */
async function journeysPass(invocation: Invocation): Promise<boolean> {
  const { url, secret } = await (await invocation.target()).service();
  const { passed, steps } = await walkJourneys({ url, secret }, invocation, {});
  for (const { name, state, detail } of steps)
    if (state === "fail") invocation.note(`not recovered yet: ${name}: ${detail}`);
  return passed;
}

/** Lets minutes of usual traffic pass until something is found, `GAMEDAY_PATIENCE_MIN` after `from_ms` at most. */
async function passUntil<T>(
  { clock, traffic }: Arena,
  from_ms: number,
  find: () => T | undefined,
  workload: () => Promise<void> = async () => {},
): Promise<T | undefined> {
  const patience_ms = from_ms + GAMEDAY_PATIENCE_MIN * MINUTE_MS;
  for (;;) {
    const found = find();
    if (found !== undefined || clock.now() > patience_ms) return found;
    await clock.passTo(clock.now() + MINUTE_MS, async () => {
      await traffic.minute();
      await workload();
    });
  }
}

/** Seconds for which the rule itself waits: nobody can be told earlier. @throws Error where there is no such rule. */
function ruleWaits_s({ alert, builds_up_min = 0 }: Fault): number {
  const rule = ALL_RULES.find(({ id }) => id === alert);
  if (rule === undefined) throw new Error(`there is no alert rule ${alert}`);
  return (rule.for_min + builds_up_min) * (MINUTE_MS / S_MS);
}
