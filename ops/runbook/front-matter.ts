/** The front matter of a runbook: who looks for it, and when it was last proven. Pure. */
import type { Root } from "mdast";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { z } from "zod";

const Id = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "must be kebab-case");

export const FrontMatter = z.strictObject({
  /** The file's name: alerts link runbooks by it. */
  id: Id,
  /** Ids of the alerts that lead here. */
  alerts: z.array(Id),
  severity: z.enum(["SEV-1", "SEV-2", "SEV-3", "SEV-4"]),
  /** What is hurt. */
  services: z.array(Id).min(1),
  /** The day on which the steps were last carried out, or `never`. */
  last_drilled: z.union([z.literal("never"), z.iso.date()]),
});
export type FrontMatter = z.infer<typeof FrontMatter>;

const KEYS = Object.keys(FrontMatter.shape).join(", ");

interface Found {
  front_matter: FrontMatter | null;
  problems: { line: number; message: string }[];
}

/** What a document's front matter says; null, and why, where it is not of the form of {@link FrontMatter}. */
export function readFrontMatter(root: Root): Found {
  const refuse = (line: number, message: string): Found => ({ front_matter: null, problems: [{ line, message }] });
  const [first] = root.children;
  if (first?.type !== "yaml") return refuse(1, `has no front matter: it begins with --- and takes ${KEYS}`);
  const counter = new LineCounter();
  const document = parseDocument(first.value, { lineCounter: counter });
  /** The opening `---` is the first line of the file. */
  const lineAt = (offset: number) => counter.linePos(offset).line + 1;
  const [error] = document.errors;
  if (error) return refuse(lineAt(error.pos[0]), `front matter: ${error.message.split("\n")[0]}`);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (tooManyAliases) {
    return refuse(1, `front matter: ${String(tooManyAliases)}`);
  }
  const read = FrontMatter.safeParse(value);
  if (read.success) return { front_matter: read.data, problems: [] };
  const entries = isMap(document.contents) ? document.contents.items : [];
  const lineOfKey = (key: unknown) => {
    const pair = entries.find((entry) => isScalar(entry.key) && entry.key.value === key);
    return isScalar(pair?.key) && pair.key.range ? lineAt(pair.key.range[0]) : 1;
  };
  return {
    front_matter: null,
    problems: read.error.issues.map(({ path, message }) => ({
      line: lineOfKey(path[0]),
      message: `front matter: ${[...path, message].join(": ")}: it takes ${KEYS}`,
    })),
  };
}
