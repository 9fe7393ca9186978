/** README.md's table of commands, made of the registry (`npm run generate`). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, GROUPS } from "./command/define.ts";
import { allCommands } from "./registry.ts";

const README = join(import.meta.dirname, "../README.md");
const BEGIN = "<!-- commands: made by npm run generate -->";
const END = "<!-- end of commands -->";

/** The README's text with a fresh table in its place. Throws when the place is missing. */
export function withCommandTable(readme: string, commands: readonly Command[]): string {
  const [before, rest] = readme.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md lacks ${BEGIN} … ${END}`);
  const rows = commands.map(
    ({ path, group, summary, risk }) =>
      `| ${GROUPS[group]} | \`${path}\` | ${risk} | ${summary.replaceAll("|", "\\|")} |`,
  );
  const table = ["| Group | Command | Risk | What it does |", "|---|---|---|---|", ...rows].join("\n");
  return `${before}${BEGIN}\n\n${table}\n\n${END}${after}`;
}

if (import.meta.main) {
  writeFileSync(README, withCommandTable(readFileSync(README, "utf8"), await allCommands()));
  console.log("README.md: table of commands written");
}
