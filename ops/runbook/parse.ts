/**
 * Reads a runbook: Markdown with front matter, whose steps are fenced `sh` blocks. Pure: it executes nothing and opens no file.
 *
 * What is a step will be executed, so nothing is guessed. A shell block that is not exactly a step is a problem and no
 * step, wherever it stands, and a runbook with a problem is not to be executed at all. A step has the attributes of `attributes.ts`, stands at
 * the top level, is closed, and is below one of {@link STEP_SECTIONS}. What "Do not" shows, for one, is never a step.
 */
import type { Code, Nodes, Root } from "mdast";
import { toString as textOf } from "mdast-util-to-string";
import { counted } from "../../worker/ground/counted.ts";
import { type Attributes, readAttributes } from "./attributes.ts";
import { type FrontMatter, readFrontMatter } from "./front-matter.ts";
import { infoOf, lineOf, nodesOf, parseMarkdown } from "./markdown.ts";

/** Every runbook has these, in this order. */
const SECTIONS = ["Meaning", "Impact", "Do not", "Steps", "Verify", "If it fails", "Last drilled"];
const STEP_SECTIONS = ["Steps", "Verify", "If it fails"];

export interface Step extends Attributes {
  /** Title of the section that it stands in. */
  section: string;
  /** The prose before it, since the step or heading before. */
  about: string;
  /** For a shell, one or more lines. */
  commands: string;
  /** Of the opening fence, from 1. */
  line: number;
}

interface Problem {
  /** From 1. */
  line: number;
  message: string;
}

export interface Runbook {
  /** Null when it is missing or wrong, which is a problem, too. */
  front_matter: FrontMatter | null;
  title: string | null;
  sections: { title: string; line: number; text: string }[];
  steps: Step[];
  /** In the order of lines; empty when the runbook may be executed. */
  problems: Problem[];
}

/** What a runbook's text holds. Throws nothing: whatever is wrong with it is among its `problems`. */
export function parseRunbook(text: string): Runbook {
  const root = parseMarkdown(text);
  const headings = root.children.filter((node) => node.type === "heading");
  const titles = headings.filter(({ depth }) => depth === 1).map((heading) => textOf(heading));
  const lines = text.split(/\r\n|\n|\r/);
  const sections = headings
    .filter(({ depth }) => depth === 2)
    .map((heading, index, all) => {
      const [line, next] = [lineOf(heading), all[index + 1]];
      return {
        title: textOf(heading),
        line,
        text: lines
          .slice(line, next && lineOf(next) - 1)
          .join("\n")
          .trim(),
      };
    });
  const { front_matter, problems } = readFrontMatter(root);
  const shell = readSteps(root, lines, sections);
  if (titles.length !== 1) problems.push({ line: 1, message: `has ${counted(titles.length, "title")} (# …), not one` });
  const names = sections.map(({ title }) => title);
  if (names.join("\n") !== SECTIONS.join("\n")) {
    problems.push({ line: 1, message: `sections are ${names.join(" · ")}: they are ${SECTIONS.join(" · ")}` });
  }
  problems.push(...shell.problems);
  problems.sort((one, other) => one.line - other.line);
  return {
    front_matter,
    title: titles.length === 1 ? (titles[0] ?? null) : null,
    sections,
    steps: shell.steps,
    problems,
  };
}

/** Languages by which people mark shell commands; only `sh` makes a step. */
const SHELL = /^(sh|bash|zsh|shell|console|shell-session|terminal)$/i;

/** A block that a reader may take for a step: of a shell, or with a step's attribute. */
function looksLikeStep(node: Nodes): node is Code {
  return node.type === "code" && (SHELL.test(node.lang ?? "") || /(^|\s)step\s*=/i.test(infoOf(node)));
}

function readSteps(root: Root, lines: readonly string[], sections: Runbook["sections"]) {
  const steps: Step[] = [];
  const problems: Problem[] = [];
  const topLevel = new Set<Nodes>(root.children);
  for (const node of nodesOf(root)) {
    if (!looksLikeStep(node)) continue;
    const line = lineOf(node);
    const section = sections.findLast((candidate) => candidate.line < line)?.title ?? null;
    const found = topLevel.has(node)
      ? readStep(node, lines, section)
      : "is inside a list or a quote: a step stands at the top level";
    const repeated = typeof found !== "string" && steps.some(({ name }) => name === found.name);
    if (typeof found === "string") problems.push({ line, message: `"${infoOf(node)}": ${found}` });
    else if (repeated)
      problems.push({ line, message: `step=${found.name} occurs twice: a transcript must name one step` });
    else steps.push(found);
  }
  for (const [index, { undo, when, line }] of steps.entries()) {
    const [earlier, others] = [steps.slice(0, index), steps.filter((_, other) => other !== index)];
    if (undo !== null && !others.some(({ name }) => name === undo))
      problems.push({ line, message: `undo=${undo} names no other step` });
    if (when !== null && "step" in when && !earlier.some(({ name }) => name === when.step))
      problems.push({ line, message: `when=${when.step}:… names no earlier step` });
  }
  if (steps.length === 0 && problems.length === 0) {
    problems.push({ line: lines.length, message: "has no step: add ```sh step=<name> risk=<risk>" });
  }
  return { steps, problems };
}

/** The step, or what is wrong with it. */
function readStep(node: Code, lines: readonly string[], section: string | null): Step | string {
  const [first, last] = [node.position?.start.line ?? 1, node.position?.end.line ?? 1];
  const [, marks = ""] = /^ {0,3}(`{3,})/.exec(lines[first - 1] ?? "") ?? [];
  if (marks === "") return "a step's fence is of backticks, because GitHub's readers know them: ```sh";
  if (last === first || !new RegExp(`^ {0,3}${marks}\`*[ \\t]*$`).test(lines[last - 1] ?? ""))
    return "its fence is not closed, so that it takes in all that follows";
  if (node.lang !== "sh") return "steps are `sh`";
  if (section === null || !STEP_SECTIONS.includes(section))
    return `is under "${section ?? "no section"}": steps stand under ${STEP_SECTIONS.join(", ")}; show other text as \`text\``;
  const attributes = readAttributes(node.meta ?? "");
  if (typeof attributes === "string") return attributes;
  if (node.value.trim() === "") return "has no commands";
  return { ...attributes, section, about: proseBefore(first, lines), commands: node.value, line: first };
}

/** The lines above one, up to the block or heading before. */
function proseBefore(line: number, lines: readonly string[]): string {
  const before = lines.slice(0, line - 1);
  const from = before.findLastIndex((text) => /^ {0,3}(```|#{1,6} )/.test(text));
  return before
    .slice(from + 1)
    .join("\n")
    .trim();
}
