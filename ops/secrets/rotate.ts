/** `ops secrets rotate`: a secret replaced while the service works. No value is ever printed, logged or given to a command line. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { misuse, type OpsError, refusal } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { openDelivery } from "../stack/delivery.ts";
import { PHASES, type Phase, perform, phasesFor, readRotation, refuseDuringDeployment, type Stage } from "./phases.ts";
import { holdersOf, isRotated, NAMED_SECRETS, type NamedSecret } from "./secrets.ts";

const output = z.strictObject({
  stack: z.enum(STACKS),
  secret: z.enum(NAMED_SECRETS),
  dry_run: z.boolean(),
  phases: z
    .array(
      z.strictObject({
        phase: z.enum(PHASES),
        version_id: z.string().nullable().describe("the version that it deployed"),
      }),
    )
    .describe("what was done; of a dry run, what would be"),
  accepted: z.enum(["old and new", "new"]).describe("afterwards"),
  retire_from: z.iso.datetime().nullable().describe("when --retire may follow; null: the rotation is over"),
});
type Rotated = z.infer<typeof output>;

export const secretsRotate = defineCommand({
  path: "secrets rotate",
  group: "security",
  summary: "replace a secret without turning anybody away: old and new are accepted until --retire",
  notes: `API_SECRET, JWT_SECRET and ALERT_WEBHOOK_SECRET: stage (every version accepts the new one, too), switch (the new one is used), then, when its holders
have it, the same command with --retire ends the old one. Each phase is a deployment of the code that serves already. Cut off anywhere, the same
command goes on from there. A rotation reports as the job secret-NAME, so that one that is overdue is an alert.
ERROR_WEBHOOK and ALERT_CHANNEL_SECRETS come from others: export the new value as PRISM_NEW_SECRET; one deployment takes it up.
KEY_PEPPER is refused (exit code 3): only hashes made with it are kept, so a new one ends every API key.
Leaked? --retire --early at once after the switch: whoever still has the old value is refused.`,
  risk: "change",
  asks: true,
  args: z.object({ name: z.enum(NAMED_SECRETS).describe("which secret") }),
  options: z.object({
    retire: z.boolean().default(false).describe("end the old value: its holders have the new one"),
    early: z.boolean().default(false).describe("with --retire: although what the old value made may still be in use"),
  }),
  output,
  examples: [
    "secrets rotate JWT_SECRET --dry-run",
    "secrets rotate API_SECRET --stack production",
    "secrets rotate API_SECRET --retire --yes --json",
  ],
  async run(invocation, { name, retire, early }): Promise<Outcome<Rotated>> {
    if (name === "KEY_PEPPER") throw pepperRefused();
    const delivery = await openDelivery(invocation);
    const { driver } = delivery;
    const rotation = await readRotation(driver);
    if (rotation !== null && rotation.secret !== name && isRotated(name))
      throw refused(
        name,
        `${rotation.secret} is ${rotation.phase} since ${rotation.at}`,
        rotation.phase === "switched"
          ? `npm run ops -- secrets rotate ${rotation.secret} --retire ends that one, once its holders have the new value`
          : `npm run ops -- secrets rotate ${rotation.secret} goes on with that one; end it first`,
      );
    const value = foreignValue(invocation, name);
    const due = phasesFor(name, rotation, { retire, early, now_ms: invocation.now() });
    if (due.kind === "refused") throw refused(name, due.cause, due.hint);
    const { phases } = due;
    if (invocation.dry_run)
      return report(
        invocation,
        name,
        phases.map((phase) => ({ phase, version_id: null })),
        due.retire_from_ms,
      );
    await refuseDuringDeployment(delivery);
    if (phases.includes("retired")) await invocation.confirm({ op: "end the old", subject: name });
    invocation.begin({ secret: name, phases });
    const done: Stage[] = [];
    for (const phase of phases) done.push(await perform(invocation, delivery, name, phase, value));
    const until_ms = phases.at(-1) === "switched" ? done.at(-1)?.retire_from_ms : due.retire_from_ms;
    return report(
      invocation,
      name,
      done.map(({ phase, version_id }) => ({ phase, version_id })),
      until_ms ?? null,
    );
  },
});

const SAID: Readonly<Record<Phase, string>> = {
  staged: "the service accepts a new value, too",
  switched: "the new value is used, the old one still accepted",
  retired: "the old value is refused",
  replaced: "the new value is used",
};

function report(
  { stack, dry_run }: Invocation,
  name: NamedSecret,
  phases: Rotated["phases"],
  retire_from_ms: number | null,
): Outcome<Rotated> {
  const retire_from = retire_from_ms === null ? null : new Date(retire_from_ms).toISOString();
  const lines = phases.map(
    ({ phase, version_id }) => `${phase}: ${SAID[phase]}${version_id === null ? "" : ` (version ${version_id})`}`,
  );
  if (dry_run) lines.unshift(`Would rotate ${name}:`);
  else if (phases.length === 0) lines.unshift(`${name}: old and new are accepted.`);
  if (retire_from !== null && isRotated(name)) {
    lines.push("", `Now: ${holdersOf(name, stack)}.`);
    lines.push(`Then, from ${retire_from}: npm run ops -- secrets rotate ${name} --retire`);
  }
  return {
    data: { stack, secret: name, dry_run, phases, accepted: retire_from === null ? "new" : "old and new", retire_from },
    text: lines.join("\n"),
    audit: { detail: { secret: name, phases, retire_from } },
  };
}

/** Null for a secret that is made here. */
function foreignValue({ env }: Invocation, name: NamedSecret): string | null {
  if (isRotated(name)) return null;
  const value = env.PRISM_NEW_SECRET ?? "";
  if (value !== "") return value;
  throw misuse({
    op: "rotate",
    subject: name,
    cause: "it comes from outside, and PRISM_NEW_SECRET is not set",
    hint: "read -rs PRISM_NEW_SECRET && export PRISM_NEW_SECRET, then repeat",
  });
}

function pepperRefused(): OpsError {
  return refused(
    "KEY_PEPPER",
    "API keys are kept as hashes made with it, and hashes cannot be made anew without the keys: a new pepper would refuse every key at once",
    "it lets nobody in by itself. Where database and pepper have both leaked, make new keys (keys create), hand them out and end the old ones (keys revoke)",
  );
}

function refused(subject: string, cause: string, hint: string): OpsError {
  return refusal({ op: "rotate", subject, cause, hint });
}
