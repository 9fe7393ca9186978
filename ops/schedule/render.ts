/** `ops schedule render` */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { misuse, type OpsError } from "../command/errors.ts";
import { outputFolder, writeOutput } from "../command/output-file.ts";
import { JOBS } from "./jobs.ts";
import { renderGithub } from "./render-github.ts";
import { renderCrontab, renderSystemd } from "./render-units.ts";

const ROOT = join(import.meta.dirname, "../..");
/** A year whose dates the renderings start at: any would do. */
const YEAR_MS = Date.UTC(2026, 0, 1) - 1;

export const scheduleRender = defineCommand({
  path: "schedule render",
  group: "schedule",
  summary: "the schedule for GitHub Actions, cron or systemd, for the stack that is named",
  notes: "docs/schedule.md says where each goes and which credentials it takes.",
  risk: "read",
  args: z.object({ target: z.enum(["github", "crontab", "systemd"]).describe("what runs it") }),
  options: z.object({
    out: z.string().optional().meta({ placeholder: "dir", description: "write the files into this folder" }),
  }),
  output: z.strictObject({ files: z.array(z.strictObject({ name: z.string(), content: z.string() })) }),
  examples: ["schedule render systemd --stack production --out units", "schedule render crontab --stack production"],
  async run({ stack }, { target, out }) {
    if (target === "github" && stack === "local") throw unreachableFromGithub();
    const place = { folder: ROOT, stack };
    const rendered = {
      github: () => ({ "ops-schedule.yml": renderGithub(JOBS, stack, ciWorkflow(), YEAR_MS) }),
      crontab: () => ({ crontab: renderCrontab(JOBS, place) }),
      systemd: () => renderSystemd(JOBS, place, YEAR_MS),
    }[target]();
    const files = Object.entries(rendered).map(([name, content]) => ({ name, content }));
    if (out === undefined) return { data: { files }, text: files.map(({ content }) => content.trimEnd()).join("\n\n") };
    const op = "write the schedule into";
    outputFolder(out, op);
    for (const { name, content } of files) await writeOutput(join(out, name), { op }, async () => content);
    return { data: { files }, text: `Wrote ${files.map(({ name }) => join(out, name)).join(", ")}` };
  },
});

function ciWorkflow(): string {
  return readFileSync(join(ROOT, ".github/workflows/ci.yml"), "utf8");
}

function unreachableFromGithub(): OpsError {
  const cause = "GitHub's runners do not reach the platform on this machine";
  const hint = "add --stack production, or render crontab or systemd";
  return misuse({ op: "render", subject: "stack local", cause, hint });
}
