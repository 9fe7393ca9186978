/**
 * Where the declarations of a source file begin, by indentation and the words that languages declare with: for code that comes
 * without an outline. Pure.
 *
 * No parser: those of a dozen languages weigh more than the Worker may. What it takes for a declaration by mistake, or misses,
 * moves a boundary or a name; no text is lost. `ops index update` parses and sends an outline instead.
 */
import type { OutlineEntry } from "../../ground/document.ts";
import { CHUNK_HEADING_CHARS_MAX, LEAD_LINES_MAX } from "../../limits.ts";
import { lineAt } from "../text/markdown-blocks.ts";
import { cutSafely } from "../text/text-units.ts";

/** A declaration shows within its line's beginning; what is longer is data, and patterns should not walk it. */
const LINE_CHARS_MAX = 200;
const NESTING_MAX = 16;

const MODIFIERS =
  "(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|async|pub(?:\\([^)]{1,40}\\))?|unsafe|extern|inline|virtual|override|sealed|partial|open|data|readonly|local)\\s+)*";
const CONTAINERS = "class|interface|struct|trait|impl|enum|object|module|mod|namespace|protocol|extension|record|union";
const OTHERS = "function\\*?|def|defp|fn|func|fun|type|macro_rules!|sub|procedure|let|var|val|const";
/** Also the receiver of Go's methods and the type parameters of Rust's implementations. */
const DECLARATION = new RegExp(
  `^${MODIFIERS}(?:(${CONTAINERS})|(?:${OTHERS}))(?:\\s*<[^>]{0,80}>|\\s+\\([^)]{1,80}\\))?\\s+(?:mut\\s+)?([\\p{L}_$][\\p{L}\\p{N}_$]*)`,
  "u",
);
/** `private static int size(`: what returns a type; inside a container the type may be missing. */
const CALLABLE = /^((?:[\w<>[\],.?*&:]{1,80}\s+){0,6})[*&]?([\p{L}_$][\p{L}\p{N}_$]*)\s*\(/u;
const ASSIGNMENT = /^([\p{L}_$][\p{L}\p{N}_$]*)\s*(?::[^=]{1,80})?=[^=>]/u;
const STATEMENT =
  /^(?:if|for|foreach|while|switch|match|catch|return|else|elif|new|throw|await|yield|super|do|try|using|with|case|assert|del|import|from|package|print|raise|not)\b/;
/** Comments, decorators and attributes belong to what they stand above. */
const LEADS = /^(?:\/\/|\/\*|\*|#|@|--|;;|"""|''')/;

interface Container {
  indent: number;
  /** How its members are indented, as the first one is. */
  member_indent: number | undefined;
  path: string;
}

/** The declarations of a normalised text, outermost and, inside those that have members, the members. Linear. */
export function outlineByIndentation(text: string): OutlineEntry[] {
  const entries: OutlineEntry[] = [];
  const containers: Container[] = [{ indent: -1, member_indent: 0, path: "" }];
  let lead: number | undefined;
  let inComment = false;
  let afterBlank = true;
  for (let line = lineAt(text, 0), number = 1; line.start < text.length; line = lineAt(text, line.end), number += 1) {
    const { body, indent } = line;
    if (body === "") lead = undefined;
    if (inComment || body.startsWith("/*")) {
      lead ??= number;
      inComment = !body.includes("*/");
      continue;
    }
    if (body === "") {
      afterBlank = true;
      continue;
    }
    const begins = afterBlank;
    afterBlank = false;
    while (containers.length > 1 && indent <= (containers.at(-1)?.indent ?? 0)) containers.pop();
    const container = containers.at(-1) as Container;
    container.member_indent ??= indent;
    if (indent !== container.member_indent) continue;
    if (LEADS.test(body)) {
      lead ??= number;
      continue;
    }
    const declared = declaration(body.slice(0, LINE_CHARS_MAX), containers.length > 1);
    if (declared) {
      const symbol = cutSafely(`${container.path}${declared.name}`, CHUNK_HEADING_CHARS_MAX);
      const from = lead ?? number;
      for (const begin of number - from > LEAD_LINES_MAX ? [from, number] : [from])
        entries.push({ line: begin, symbol });
      if (declared.contains && containers.length < NESTING_MAX)
        containers.push({ indent, member_indent: undefined, path: `${symbol}.` });
    } else if (indent === 0 && begins && /^[\p{L}_$]/u.test(body)) entries.push({ line: lead ?? number, symbol: "" });
    lead = undefined;
  }
  return entries;
}

function declaration(body: string, isMember: boolean): { name: string; contains: boolean } | undefined {
  const [, container, name] = DECLARATION.exec(body) ?? [];
  if (name !== undefined) return { name, contains: container !== undefined };
  if (STATEMENT.test(body)) return undefined;
  const [, type = "", callable] = CALLABLE.exec(body) ?? [];
  if (callable !== undefined && (isMember || type !== "")) return { name: callable, contains: false };
  const [, assigned] = ASSIGNMENT.exec(body) ?? [];
  return assigned === undefined ? undefined : { name: assigned, contains: false };
}
