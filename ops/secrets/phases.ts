/**
 * The phases of a rotation, each a deployment.
 *
 * A version takes seconds to reach every place, and two serve meanwhile: what one of them makes, the other must accept. So the new value is
 * accepted everywhere first (`staged`: X old, X_PREVIOUS new), then used (`switched`: exchanged), and the old one ends last (`retired`).
 * How far it is stands in the stack's configuration beside the secrets: that a phase has begun together with what it changes of them, that it
 * is over when the service has shown it. What was cut off in between is deployed again, and changed no second time.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { ROTATED_SECRETS, ROTATION_PHASES, type RotatedSecret, type SecretName } from "../../infra/inventory.ts";
import { environment } from "../../worker/schemas/debug.ts";
import { mainVersion } from "../cloudflare/worker-versions.ts";
import { asOpsError, EXIT, OpsError, refusal } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { toldUp } from "../delivery/told-up.ts";
import { SECRET_AGE_GRACE_S, SECRET_AGE_MAX_MS, SECRET_BYTES, SECRET_SEEN_MAX_MS, SETTLE_POLL_MS } from "../limits.ts";
import { createClient } from "../service/client.ts";
import type { Delivery } from "../stack/delivery.ts";
import type { SecretChange, StackDriver } from "../stack/driver.ts";
import { whileWaiting } from "../waits.ts";
import { isRotated, type NamedSecret, overlap_ms, rotationJob } from "./secrets.ts";

export const PHASES = ["staged", "switched", "retired", "replaced"] as const;
export type Phase = (typeof PHASES)[number];

const rotation = z.strictObject({
  secret: z.enum(ROTATED_SECRETS),
  phase: z.enum(ROTATION_PHASES),
  at: z.iso.datetime(),
});
type Rotation = z.infer<typeof rotation>;

/** Null where none is under way. */
export async function readRotation(driver: StackDriver): Promise<Rotation | null> {
  return rotation.nullable().parse((await driver.getConfig("rotation")) ?? null);
}

type Due =
  | { kind: "due"; phases: Phase[]; retire_from_ms: number | null }
  | { kind: "refused"; cause: string; hint: string };

/** What is to be done now for one who asks so. Pure. `retire_from_ms`: when what is left may follow, as far as it is known before. */
export function phasesFor(
  name: NamedSecret,
  under: Rotation | null,
  { retire, early, now_ms }: { retire: boolean; early: boolean; now_ms: number },
): Due {
  const again = `npm run ops -- secrets rotate ${name}`;
  if (!isRotated(name))
    return retire
      ? { kind: "refused", cause: "it has no old value that is accepted", hint: again }
      : { kind: "due", phases: ["replaced"], retire_from_ms: null };
  if (under?.phase === "retiring") return { kind: "due", phases: ["retired"], retire_from_ms: null };
  if (under?.phase !== "switched") {
    if (retire)
      return { kind: "refused", cause: "the new value is not in use yet: there is nothing to retire", hint: again };
    const isStaged = under?.phase === "staged" || under?.phase === "switching";
    return {
      kind: "due",
      phases: isStaged ? ["switched"] : ["staged", "switched"],
      retire_from_ms: now_ms + overlap_ms(name),
    };
  }
  const from_ms = Date.parse(under.at) + overlap_ms(name);
  if (!retire) return { kind: "due", phases: [], retire_from_ms: from_ms };
  if (now_ms < from_ms && !early)
    return {
      kind: "refused",
      cause: `what the old value made may be in use until ${new Date(from_ms).toISOString()}`,
      hint: "wait until then; or, where it has leaked, add --early",
    };
  return { kind: "due", phases: ["retired"], retire_from_ms: null };
}

/** @throws OpsError with exit code 3 while two versions share the traffic by intention: the rotation would end that. */
export async function refuseDuringDeployment({ driver, versions }: Delivery): Promise<void> {
  const [serving] = await versions.deployments();
  const shares = serving?.versions.filter(({ percentage }) => percentage > 0) ?? [];
  if (shares.length === 1) return;
  const cause =
    shares.length === 0 ? "nothing is deployed" : "a deployment is under way: two versions share the traffic";
  const hint = shares.length === 0 ? "npm run ops -- deploy" : "finish it (deploy) or take it back (rollback) first";
  throw refusal({ op: "rotate a secret of", subject: driver.stack, cause, hint });
}

export interface Stage {
  phase: Phase;
  version_id: string;
  /** Set by `switched`. */
  retire_from_ms: number | null;
}

/** Carries one phase out. @throws OpsError where the service does not show it afterwards; repeating goes on from there. */
export async function perform(
  invocation: Invocation,
  delivery: Delivery,
  name: NamedSecret,
  phase: Phase,
  value: string | null,
): Promise<Stage> {
  const { driver } = delivery;
  const record = (state: Rotation["phase"]) =>
    isRotated(name) ? { rotation: { secret: name, phase: state, at: new Date(invocation.now()).toISOString() } } : {};
  const [serving] = await delivery.versions.deployments();
  if (serving === undefined) throw new Error("refuseDuringDeployment looks before");
  // The code that serves already, not what this checkout happens to hold; the next deployment takes the checkout's again.
  const bundle = `version/${mainVersion(serving)}`;
  const begins = BEGINS[phase];
  const under = await readRotation(driver);
  if (isRotated(name)) refuseOvertaken(name, phase, under);
  const isBegun = begins !== null && under?.phase === begins;
  if (isBegun) await driver.setConfig({ bundle });
  else await driver.changeSecret(changeFor(name, phase, value), { ...(begins === null ? {} : record(begins)), bundle });
  const { worker } = await whileWaiting({ for: "the deployment", limit_ms: null }, () => toldUp(delivery, invocation));
  await seen(invocation, name, phase);
  if (isRotated(name)) refuseOvertaken(name, phase, await readRotation(driver), [begins]);
  if (phase === "staged" || phase === "switched") await driver.setConfig(record(phase));
  if (phase === "retired") await driver.setConfig({ rotation: undefined });
  if (phase === "switched" || phase === "replaced") await reportRotation(invocation, name);
  const retire_from_ms = isRotated(name) && phase === "switched" ? invocation.now() + overlap_ms(name) : null;
  return { phase, version_id: worker.version_id, retire_from_ms };
}

/** How far a rotation is before a phase; null: none is under way. */
const COMES_AFTER: Readonly<Record<Phase, readonly (Rotation["phase"] | null)[]>> = {
  replaced: [null],
  staged: [null, "staging"],
  switched: ["staged", "switching"],
  retired: ["switched", "retiring"],
};

/**
 * Another command may have come further meanwhile: the phase would exchange the values a second time, or put a new one in the old one's place.
 * @throws OpsError with exit code 3; repeating goes on from where it is.
 */
export function refuseOvertaken(
  name: RotatedSecret,
  phase: Phase,
  under: Rotation | null,
  expected: readonly (Rotation["phase"] | null)[] = COMES_AFTER[phase],
): void {
  if ((under === null || under.secret === name) && expected.includes(under?.phase ?? null)) return;
  const cause =
    under === null
      ? "another command has ended this rotation meanwhile"
      : `another command is at it: ${under.secret} is ${under.phase} since ${under.at}`;
  const hint = `npm run ops -- secrets rotate ${under?.secret ?? name} --dry-run says how far it is; when the other command has ended, repeat this one`;
  throw refusal({ op: `rotate (${phase})`, subject: name, cause, hint, reason: "busy" });
}

/** What is written down while a phase is under way. */
const BEGINS = { staged: "staging", switched: "switching", retired: "retiring", replaced: null } as const;

function changeFor(name: NamedSecret, phase: Phase, value: string | null): SecretChange {
  if (!isRotated(name)) return { kind: "set", name, value: value ?? "" };
  const previous = previousOf(name);
  if (phase === "staged")
    return { kind: "set", name: previous, value: randomBytes(SECRET_BYTES).toString("base64url") };
  return phase === "switched" ? { kind: "swap", names: [name, previous] } : { kind: "remove", name: previous };
}

const previousOf = (name: RotatedSecret): SecretName => `${name}_PREVIOUS`;

/** Waits until the service itself says which of the two are set, to whoever has what this machine knows of the stack now. */
async function seen(invocation: Invocation, name: NamedSecret, phase: Phase): Promise<void> {
  if (!isRotated(name)) return;
  const wanted = phase !== "retired";
  const until_ms = performance.now() + SECRET_SEEN_MAX_MS;
  const look = async (): Promise<string | null> => {
    const { url, secret } = await (await invocation.target()).service();
    const client = createClient({ url, token: secret, signal: invocation.signal });
    const { secrets } = await client.get("/debug/env", environment);
    return secrets[previousOf(name)] === wanted ? null : `${previousOf(name)} is ${wanted ? "not set" : "still set"}`;
  };
  for (;;) {
    const flaw = await look().catch((error: unknown) => asOpsError(error).message);
    if (flaw === null) return;
    if (performance.now() > until_ms)
      throw new OpsError(
        {
          op: "see",
          subject: `${name} ${phase}`,
          cause: flaw,
          hint: "it was deployed. Where the cause is 401, this machine's PRISM_API_SECRET is the old one: export the new one (pulumi stack output api_secret --show-secrets)",
        },
        { exit_code: EXIT.partial },
      );
    await pause(SETTLE_POLL_MS, undefined, { signal: invocation.signal });
  }
}

/** A heartbeat that is due again when the secret has become old: the alert of a missed job tells. Never throws. */
async function reportRotation(invocation: Invocation, name: NamedSecret): Promise<void> {
  const next_due_at = new Date(invocation.now() + SECRET_AGE_MAX_MS).toISOString();
  const beat = { result: "success", next_due_at, grace_s: SECRET_AGE_GRACE_S };
  try {
    await (await invocation.client()).post(`/api/v1/heartbeats/${rotationJob(name)}`, beat, { repeatable: true });
  } catch (error) {
    invocation.note(`The alert of an old ${name} does not know of this rotation: ${asOpsError(error).message}`);
  }
}
