/** `ops deps update`: newer versions on a branch, group by group, each tested. Nothing is deployed, and nothing pushed. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { ROOT } from "../stack/pulumi-engine.ts";
import { makeFolder } from "../storage/make-folder.ts";
import { group } from "./groups.ts";
import { planRenewal, type Renewed, renew, renewed } from "./renew.ts";

/** What a group must pass. */
const CHECKS = [
  ["npm", "run", "--silent", "check"],
  ["npm", "test"],
];

const output = z.union([
  z.strictObject({ dry_run: z.literal(true), branch: z.string(), groups: z.array(group) }),
  z.strictObject({
    dry_run: z.literal(false),
    branch: z.string().nullable().describe("with one commit a group that was renewed; null: none was"),
    groups: z.array(renewed),
    report: z.string().nullable().describe("a file in Markdown; null: nothing was out of date"),
  }),
]);

export const depsUpdate = defineCommand({
  path: "deps update",
  group: "delivery",
  summary: "renew dependencies on a branch of its own, group by group, each checked and tested; deploys nothing",
  notes: `Works in a checkout of its own below the system's temporary folder: your working tree stays as it is. Groups, allowed versions and the least age of
a release are those of renovate.json. A group that fails is put back and told. Push the branch yourself. Exit code 4: some groups failed; 1: all did.`,
  risk: "change",
  options: z.object({ major: z.boolean().default(false).describe("other major versions, too") }),
  output,
  examples: ["deps update --dry-run", "deps update --json"],
  async run(invocation, { major }): Promise<Outcome<z.infer<typeof output>>> {
    const { dry_run, env, signal, note, now, terminal, data_dir } = invocation;
    const renewal = { folder: ROOT, env, signal, note };
    const { groups, before } = await planRenewal(renewal, major, now());
    const branch = `deps/${new Date(now()).toISOString().slice(0, 10)}`;
    if (dry_run) {
      const rows = groups.flatMap(({ group, updates }) => updates.map((one) => ({ group, ...one })));
      const drawn = table(terminal, rows, [
        { title: "group", value: (row) => row.group },
        { title: "package", value: (row) => row.package },
        { title: "now", value: ({ from }) => from },
        { title: "latest", value: ({ latest, major }) => `${latest}${major ? " (major)" : ""}` },
        { title: "asks npm for", value: ({ spec }) => spec },
      ]);
      const plan = `Would try ${counted(groups.length, "group")} on the branch ${branch}, each with: ${CHECKS.map((check) => check.join(" ")).join("; ")}`;
      const text = groups.length === 0 ? "Nothing is out of date." : `${drawn}\n${plan}`;
      return { data: { dry_run, branch, groups }, text };
    }
    if (groups.length === 0)
      return { data: { dry_run: false, branch: null, groups: [], report: null }, text: "Nothing is out of date." };
    invocation.begin({ branch });
    const results = await renew(renewal, { branch, before, groups, checks: CHECKS });
    const count = (wanted: Renewed["result"]) => results.filter(({ result }) => result === wanted).length;
    const [renewed, failed] = [count("renewed"), count("failed")];
    const lines = results.map(
      ({ group, result, changes, because }) =>
        `- **${group}** ${result}${changes.length > 0 ? `: ${changes.join(", ")}` : ""}${because === null ? "" : ` (${because})`}`,
    );
    const report = join(data_dir, "deps-update.md");
    makeFolder(data_dir);
    await writeFile(report, `# Dependencies, ${branch}\n\n${lines.join("\n")}\n`);
    const next = renewed > 0 ? `\nLook at it: git log -p main..${branch}` : "";
    return {
      data: { dry_run: false, branch: renewed > 0 ? branch : null, groups: results, report },
      text: `${lines.join("\n")}\nDone: ${renewed} renewed, ${failed} failed. Report: ${report}${next}`,
      ...(failed === 0 ? {} : { exit_code: renewed > 0 ? EXIT.partial : EXIT.check_failed }),
      audit: { detail: { branch, renewed, failed } },
    };
  },
});
