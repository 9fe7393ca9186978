/** The runbooks of this repository, as files. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { misuse, OpsError } from "../command/errors.ts";
import type { FrontMatter } from "./front-matter.ts";
import { parseRunbook, type Runbook } from "./parse.ts";

const FOLDER = join(import.meta.dirname, "../../runbooks");

/** What commands print of each. */
export const runbookFacts = {
  id: z.string(),
  title: z.string(),
  severity: z.string(),
  services: z.array(z.string()),
  alerts: z.array(z.string()),
  last_drilled: z.string(),
};

export interface KnownRunbook extends Runbook {
  id: string;
  /** Markdown, as it stands in the file. */
  markdown: string;
}

/** One that may be executed. */
export interface SoundRunbook extends KnownRunbook {
  front_matter: FrontMatter;
  title: string;
}

/** All of them, by id, those with problems as well: one that cannot be read keeps nobody from the others. */
export async function allRunbooks(folder = FOLDER): Promise<KnownRunbook[]> {
  const names = await readdir(folder);
  // What begins with a dot is an editor's, or a system's: Emacs marks an open file by a link that leads nowhere.
  const ids = names.flatMap((name) => (/^(?!\.|README\.md$).*\.md$/.test(name) ? [name.slice(0, -3)] : [])).sort();
  return await Promise.all(ids.map((id) => readRunbook(folder, id)));
}

async function readRunbook(folder: string, id: string): Promise<KnownRunbook> {
  try {
    const markdown = await readFile(join(folder, `${id}.md`), "utf8");
    return { id, markdown, ...parseRunbook(markdown) };
  } catch (error) {
    const message = `it cannot be read (${(error as Error).message})`;
    const nothing = { markdown: "", front_matter: null, title: null, sections: [], steps: [] };
    return { id, ...nothing, problems: [{ line: 1, message }] };
  }
}

/** A runbook that may be executed: by its id, or by that of an alert that leads to it. @throws OpsError where there is none, or it has problems. */
export async function soundRunbook(name: string): Promise<SoundRunbook> {
  const all = await allRunbooks();
  const found =
    all.find(({ id }) => id === name) ?? all.find(({ front_matter }) => front_matter?.alerts.includes(name));
  if (found === undefined) throw unknownRunbook(name, all);
  const { front_matter, title, problems } = found;
  const [problem] = problems;
  if (problem === undefined && front_matter !== null && title !== null) return { ...found, front_matter, title };
  throw new OpsError({
    op: "read the runbook",
    subject: `${FOLDER}/${found.id}.md`,
    cause: problem === undefined ? "it has no front matter" : `line ${problem.line}: ${problem.message}`,
    hint: "what is not exactly a step is never executed: correct it, or carry it out by hand",
  });
}

function unknownRunbook(name: string, all: readonly KnownRunbook[]): OpsError {
  const near = all.filter(({ id }) => id.split("-").some((word) => name.split("-").includes(word))).map(({ id }) => id);
  const cause = "there is neither a runbook nor an alert of this name";
  const hint = near.length > 0 ? `one of ${near.join(", ")}` : "npm run ops -- runbook list";
  return misuse({ op: "find the runbook", subject: name, cause, hint });
}
