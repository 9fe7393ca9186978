/** Which dependencies may be renewed, and which of them together: by the rules that Renovate has, so that both do the same. Pure. */
import { matchesGlob } from "node:path";
import { z } from "zod";

export const renovateRules = z.object({
  minimumReleaseAge: z.string().regex(/^\d+ days$/),
  packageRules: z.array(
    z.object({
      groupName: z.string(),
      matchPackageNames: z.array(z.string()).default([]),
      allowedVersions: z.string().optional(),
    }),
  ),
});
type Rules = z.infer<typeof renovateRules>;

/** What `npm outdated --json` says of each; `latest` is the newest that is old enough. */
export const outdatedPackages = z.record(z.string(), z.object({ current: z.string().optional(), latest: z.string() }));

const update = z.strictObject({
  package: z.string(),
  from: z.string(),
  latest: z.string(),
  spec: z.string().describe("what npm is asked to install"),
  major: z.boolean().describe("whether the latest is of another major version; taken with --major alone"),
});
export const group = z.strictObject({ group: z.string(), updates: z.array(update) });
export type Group = z.infer<typeof group>;

/** Those of a rule come together, the others each on its own. Without `major` a package stays on its major version. */
export function groupsOf(
  outdated: z.infer<typeof outdatedPackages>,
  { packageRules }: Rules,
  take_major: boolean,
): Group[] {
  const groups = new Map<string, Group>();
  for (const [name, { current = "", latest }] of Object.entries(outdated)) {
    const from = current.replace(/^v/, "");
    if (from === "" || from === latest) continue;
    const rule = packageRules.find(({ matchPackageNames }) =>
      matchPackageNames.some((pattern) => matchesGlob(name, pattern)),
    );
    const range = rule?.allowedVersions ?? (take_major ? latest : `^${from}`);
    const one = { package: name, from, latest, spec: `${name}@${range}`, major: majorOf(latest) !== majorOf(from) };
    const key = rule?.groupName ?? name;
    const found = groups.get(key) ?? { group: key, updates: [] };
    found.updates.push(one);
    groups.set(key, found);
  }
  return [...groups.values()].sort((a, b) => a.group.localeCompare(b.group));
}

/** Before 1.0.0 the second number counts, as it does for `^`. */
function majorOf(version: string): string {
  const [first = "", second = ""] = version.split(".");
  return first === "0" ? `0.${second}` : first;
}
