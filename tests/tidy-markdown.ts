/** House rules for Markdown: documents, decision records and runbooks. Each returns complaints. Pure. */
import { posix } from "node:path";
import { type Exception, isCode, isTest, type Tree } from "./tidy-code.ts";

const RUNBOOK_KEYS = ["id", "alerts", "severity", "services", "last_drilled"];
const RUNBOOK_SECTIONS = ["Meaning", "Impact", "Do not", "Steps", "Verify", "If it fails", "Last drilled"];
const RISKS = ["read", "change", "destructive"];

export interface Fence {
  /** What stands after the opening backticks. */
  info: string;
  text: string;
}

interface Markdown {
  front_matter: Map<string, string>;
  headings: { level: number; text: string }[];
  fences: Fence[];
  /** Without front matter, fenced code and inline code. */
  prose: string;
}

/** As much of Markdown as the rules need: ATX headings, backtick fences, YAML front matter of flat keys. */
export function parseMarkdown(text: string): Markdown {
  const [whole = "", matter = ""] = /^---\n([\s\S]*?)\n---\n/.exec(text) ?? [];
  const keys = matter === "" ? [] : matter.split("\n");
  const fences: Fence[] = [];
  const body = text
    .slice(whole.length)
    .replace(/^( *)(`{3,})([^`\n]*)\n([\s\S]*?)^ *\2 *$/gm, (_, _indent, _ticks, info: string, inner: string) => {
      fences.push({ info: info.trim(), text: inner });
      return "";
    });
  const headings = [...body.matchAll(/^(#{1,6}) +(.*)$/gm)].map(([, marks = "", title = ""]) => ({
    level: marks.length,
    text: title.trim(),
  }));
  return {
    front_matter: new Map(keys.map((line) => [line.split(":")[0] ?? "", line.replace(/^.*?: */, "")])),
    headings,
    fences,
    prose: body.replaceAll(/(`+)[^`].*?\1/g, ""),
  };
}

/** The anchor GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

const documents = (tree: Tree) => [...tree].filter(([path]) => path.endsWith(".md"));

/** Every document has one title. */
export function titles(tree: Tree): string[] {
  return documents(tree).flatMap(([path, text]) => {
    const count = parseMarkdown(text).headings.filter(({ level }) => level === 1).length;
    return count === 1 ? [] : [`${path}: has ${count} titles (# …), not one: make the others ##`];
  });
}

/** Relative links lead to files and headings that exist. */
export function links(tree: Tree): string[] {
  const folders = new Set([...tree.keys()].flatMap(ancestors));
  return documents(tree).flatMap(([path, text]) =>
    [...parseMarkdown(text).prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file = "", fragment] = link.split("#");
      const target = file === "" ? path : posix.join(posix.dirname(path), file).replace(/\/$/, "");
      const content = tree.get(target);
      if (content === undefined && !folders.has(target)) return [`${path}: ${link} leads nowhere: no ${target}`];
      if (fragment === undefined) return [];
      const anchors = parseMarkdown(content ?? "").headings.map((heading) => anchorOf(heading.text));
      return anchors.includes(fragment) ? [] : [`${path}: ${link} names no heading; there are ${anchors.join(", ")}`];
    }),
  );
}

function ancestors(path: string): string[] {
  const folder = posix.dirname(path);
  return folder === "." ? [folder] : [folder, ...ancestors(folder)];
}

/** Line numbers are wrong after the next edit. */
export function lineNumbers(tree: Tree): string[] {
  return documents(tree).flatMap(([path, text]) =>
    [...text.matchAll(/\b[\w/-]+\.(?:ts|js|sql|md)(?::\d+|#L\d+)/g)].map(
      ([found]) => `${path}: "${found}" names a line: name the function or constant`,
    ),
  );
}

/** Every folder of records has an index that names them all. */
export function indexes(tree: Tree): string[] {
  return ["docs/decisions", "runbooks"].flatMap((folder) => {
    const index = tree.get(`${folder}/README.md`) ?? "";
    return [...tree.keys()]
      .filter((path) => posix.dirname(path) === folder && path.endsWith(".md") && path !== `${folder}/README.md`)
      .map((path) => posix.basename(path))
      .filter((file) => !index.includes(`](${file})`))
      .map((file) => `${folder}/README.md: does not link ${file}: add its line`);
  });
}

/** The README's table of variables names those that the code reads, and no others; exceptions are not the user's to set. */
export function variables(tree: Tree, exceptions: readonly Exception[]): string[] {
  const name = /\b(?:PRISM|CLOUDFLARE|PULUMI|AWS)_[A-Z_]+\b/g;
  const cells = [...(tree.get("README.md") ?? "").matchAll(/^\| ([^|]+)\|/gm)].map(([, cell = ""]) => cell);
  const tabled = new Set(cells.flatMap((cell) => cell.match(name) ?? []));
  const readers = new Map<string, string>();
  for (const [path, text] of tree) {
    if (!isCode(path) || isTest(path) || /\.(fixture|config)\.ts$/.test(path)) continue;
    const reads = text.match(/\benv(ironment)?\.\w+|\{[^{}]*\}(: NodeJS\.ProcessEnv| = (process\.)?env\b)/g) ?? [];
    for (const variable of reads.flatMap((read) => read.match(name) ?? [])) readers.set(variable, path);
  }
  const isExcused = (variable: string) => exceptions.some(({ id }) => id === variable);
  return [
    ...[...readers]
      .filter(([variable]) => !tabled.has(variable) && !isExcused(variable))
      .map(([variable, path]) => `${path}: reads ${variable}: add it to the table of variables in README.md`),
    ...[...tabled]
      .filter((variable) => !readers.has(variable))
      .map((variable) => `README.md: nothing reads ${variable}: remove its row`),
    ...exceptions
      .filter(({ id }) => !readers.has(id))
      .map(({ id }) => `${id}: nothing reads it any more: remove it from NOT_THE_USERS`),
  ];
}

/** Runbooks can be found, read in a hurry and executed. */
export function runbooks(tree: Tree): string[] {
  return documents(tree)
    .filter(([path]) => /^runbooks\/(?!README)[^/]+\.md$/.test(path))
    .flatMap(([path, text]) => {
      const { front_matter, headings, fences } = parseMarkdown(text);
      const problems: string[] = [];
      const keys = [...front_matter.keys()];
      if (keys.join() !== RUNBOOK_KEYS.join()) {
        problems.push(`front matter has ${keys.join(", ") || "nothing"}: it takes ${RUNBOOK_KEYS.join(", ")}`);
      }
      const id = posix.basename(path, ".md");
      if (front_matter.get("id") !== id) problems.push(`id is not ${id}: alerts link runbooks by file name`);
      if (!/^SEV-[1-4]$/.test(front_matter.get("severity") ?? "")) problems.push("severity is none of SEV-1 to SEV-4");
      const sections = headings.filter(({ level }) => level === 2).map((heading) => heading.text);
      if (sections.join() !== RUNBOOK_SECTIONS.join()) {
        problems.push(`sections are ${sections.join(" · ")}: they are ${RUNBOOK_SECTIONS.join(" · ")}`);
      }
      return [...problems, ...stepProblems(fences)].map((problem) => `${path}: ${problem}`);
    });
}

function stepProblems(fences: readonly Fence[]): string[] {
  const seen = new Set<string>();
  const shell = fences.filter(({ info }) => /^(sh|bash|shell|console)\b/.test(info));
  if (shell.length === 0) return ["has no step: add ```sh step=<name> risk=<risk>"];
  return shell.flatMap(({ info }) => {
    const [language, ...words] = info.split(/\s+/);
    const attributes = new Map(words.map((word) => [word.split("=")[0] ?? "", word.replace(/^.*?=/, "")]));
    const step = attributes.get("step") ?? "";
    const repeated = seen.has(step);
    seen.add(step);
    if (language !== "sh") return [`"${info}": steps are \`sh\``];
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(step)) return [`"${info}": a step has a name: step=read-health`];
    if (repeated) return [`step=${step} occurs twice: a transcript must name one step`];
    if (!RISKS.includes(attributes.get("risk") ?? "")) return [`step=${step}: risk is one of ${RISKS.join(", ")}`];
    return [];
  });
}
