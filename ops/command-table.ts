/** README.md's table of commands, made of the registry (`npm run generate`). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GeneratedPart, withPart } from "../infra/generated-part.ts";
import { type Command, GROUPS } from "./command/define.ts";
import { allCommands } from "./registry.ts";

const README = join(import.meta.dirname, "../README.md");
const PLACE: GeneratedPart = {
  document: "README.md",
  begin: "<!-- commands: made by npm run generate -->",
  end: "<!-- end of commands -->",
};

/** The README's text with a fresh table in its place. Throws when the place is missing. */
export function withCommandTable(readme: string, commands: readonly Command[]): string {
  const rows = commands.map(
    ({ path, group, summary, risk }) =>
      `| ${GROUPS[group]} | \`${path}\` | ${risk} | ${summary.replaceAll("|", "\\|")} |`,
  );
  const table = ["| Group | Command | Risk | What it does |", "|---|---|---|---|", ...rows].join("\n");
  return withPart(readme, PLACE, table);
}

if (import.meta.main) {
  writeFileSync(README, withCommandTable(readFileSync(README, "utf8"), await allCommands()));
  console.log("README.md: table of commands written");
}
