/** `ops alerts configure` */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { misuse } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { expectedJobs } from "../schedule/expected-jobs.ts";
import { JOBS } from "../schedule/jobs.ts";
import { checked, configurationPlace } from "./configuration.ts";

const summary = {
  channels: z.array(z.string()),
  rotations: z.array(z.string()),
  secrets: z.array(z.string()).describe("names that ALERT_CHANNEL_SECRETS must have"),
  expected_jobs: z.array(z.string()).describe("jobs that are late when they never report"),
};
const output = z.union([
  z.strictObject({ configured: z.literal(true), ...summary }),
  z.strictObject({ dry_run: z.literal(true), ...summary }),
]);

export const alertsConfigure = defineCommand({
  path: "alerts configure",
  group: "alerts",
  summary: "check a file of channels, routes, escalation and rota, and put it where alerts are told by it",
  notes: `docs/alerts.md shows such a file. It takes effect with the next evaluation, within five minutes. Where the file says nothing of
expected_jobs, all jobs of the schedule must report (npm run ops -- schedule list).`,
  risk: "change",
  args: z.object({ file: z.string().describe("YAML or JSON") }),
  output,
  examples: ["alerts configure alerts.yaml --dry-run", "alerts configure alerts.yaml --stack production"],
  async run(invocation, { file }): Promise<Outcome<z.infer<typeof output>>> {
    const content = contentOf(file);
    const isWithout = typeof content === "object" && content !== null && !("expected_jobs" in content);
    const configuration = checked(isWithout ? { ...content, expected_jobs: expectedJobs(JOBS) } : content, file);
    const secrets = Object.values(configuration.channels).flatMap((channel) =>
      Object.entries(channel).flatMap(([name, value]) => (name.endsWith("_secret") ? [String(value)] : [])),
    );
    const what = {
      channels: Object.keys(configuration.channels),
      rotations: Object.keys(configuration.rotations),
      secrets: [...new Set(secrets)],
      expected_jobs: Object.keys(configuration.expected_jobs),
    };
    const expected = `${counted(what.expected_jobs.length, "job")} must report`;
    const text = `channels ${what.channels.join(", ")}; needs in ALERT_CHANNEL_SECRETS: ${what.secrets.join(", ")}; ${expected}`;
    if (invocation.dry_run) return { data: { dry_run: true, ...what }, text: `Would configure ${text}` };
    await (await configurationPlace(invocation)).write(configuration);
    return { data: { configured: true, ...what }, text: `Configured ${text}`, audit: { detail: what } };
  },
});

function contentOf(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw misuse(
      {
        op: "read",
        subject: file,
        cause: "there is no such file, or it is neither YAML nor JSON",
        hint: "docs/alerts.md shows one",
      },
      error,
    );
  }
}
