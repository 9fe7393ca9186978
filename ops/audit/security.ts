/** `ops audit security`: who was kept out, which keys and secrets are stale, what the live service tells browsers, what tokens may do. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import { harmless } from "../command/output.ts";
import { AREAS, finding, SEVERITIES, sorted } from "./finding.ts";
import { look } from "./security-look.ts";

const counts = z.strictObject(
  Object.fromEntries(SEVERITIES.map((severity) => [severity, z.int()])) as Record<
    (typeof SEVERITIES)[number],
    z.ZodInt
  >,
);

export const auditSecurity = defineCommand({
  path: "audit security",
  group: "security",
  summary:
    "look for what lets people in: failed authentications, stale keys, old secrets, headers, CORS, tokens that may do too much",
  notes: `Looks at the live service, its meter and the account; changes nothing. Keys: unused for 90 days (as far back as the meter notes uses), or without an
end. Secrets: older than 180 days since their rotation or the Worker's making. Tokens: against infra/token-grants.ts. What cannot be looked at is said.
Exit code 1: a finding of severity high; 4: none, but something could not be looked at.`,
  risk: "read",
  output: z.strictObject({
    stack: z.enum(STACKS),
    ok: z.boolean().describe("nothing of severity high, and everything was looked at"),
    counts,
    findings: z.array(finding).describe("the worst first"),
    unseen: z.array(z.strictObject({ areas: z.array(z.enum(AREAS)), because: z.string() })),
  }),
  examples: ["audit security", "audit security --stack production --json"],
  async run(invocation) {
    const { findings: found, unseen } = await look(invocation);
    const findings = sorted(found);
    const of = (severity: (typeof SEVERITIES)[number]) => findings.filter((one) => one.severity === severity).length;
    const counts = { high: of("high"), medium: of("medium"), low: of("low") };
    const ok = counts.high === 0 && unseen.length === 0;
    const lines = [
      ...findings.flatMap(({ severity, area, subject, evidence, try: remedy }) => [
        harmless(`${severity.toUpperCase().padEnd(6)} ${area}: ${subject} ${evidence}`),
        `       Try: ${remedy}`,
      ]),
      ...unseen.map(({ areas, because }) => harmless(`NOT LOOKED AT: ${areas.join(", ")} (${because})`)),
      ...(findings.length + unseen.length > 0 ? [""] : []),
      `${counts.high} high, ${counts.medium} medium, ${counts.low} low${unseen.length > 0 ? `; ${counted(unseen.length, "source")} could not be looked at` : ""}.`,
    ];
    const code = counts.high > 0 ? EXIT.check_failed : ok ? EXIT.done : EXIT.partial;
    return { data: { stack: invocation.stack, ok, counts, findings, unseen }, text: lines.join("\n"), exit_code: code };
  },
});
