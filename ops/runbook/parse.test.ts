import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRunbook } from "./parse.ts";

const HEAD = `---
id: a
alerts: [search-empty]
severity: SEV-2
services: [search]
last_drilled: 2026-11-22
---
# A title
## Meaning
## Impact
## Do not
## Steps
`;
const TAIL = "## Verify\n## If it fails\n## Last drilled\n";
/** Of the line below {@link HEAD}. */
const FIRST_LINE = HEAD.split("\n").length;

const fence = (info: string, commands = "true") => `\`\`\`${info}\n${commands}\n\`\`\`\n`;
const STEP = fence("sh step=look risk=read");
const withSteps = (text: string) => parseRunbook(`${HEAD}${text}${TAIL}`);
const messages = (text: string) => parseRunbook(text).problems.map(({ line, message }) => `${line}: ${message}`);

describe("a runbook", () => {
  test("has front matter, a title, sections and steps", () => {
    const text =
      "Look.\n\n```sh step=look-closely risk=change when=upstream expect=exit:3 undo=shut timeout=90s\nprintf '%s' \\\n  `date`\n```\n" +
      fence('sh step=shut risk=read when=look-closely:failed expect="output:all is well"');
    expect(withSteps(text)).toEqual({
      front_matter: {
        id: "a",
        alerts: ["search-empty"],
        severity: "SEV-2",
        services: ["search"],
        last_drilled: "2026-11-22",
      },
      title: "A title",
      sections: ["Meaning", "Impact", "Do not", "Steps", "Verify", "If it fails", "Last drilled"].map((title) => ({
        title,
        line: expect.any(Number),
        text: title === "Steps" ? text.trim() : "",
      })),
      steps: [
        {
          name: "look-closely",
          risk: "change",
          when: { situation: "upstream" },
          expect: { code: 3, output: null },
          undo: "shut",
          timeout_ms: 90_000,
          section: "Steps",
          about: "Look.",
          commands: "printf '%s' \\\n  `date`",
          line: FIRST_LINE + 2,
        },
        {
          name: "shut",
          risk: "read",
          when: { step: "look-closely", is: "failed" },
          expect: { code: 0, output: "all is well" },
          undo: null,
          timeout_ms: null,
          section: "Steps",
          about: "",
          commands: "true",
          line: FIRST_LINE + 6,
        },
      ],
      problems: [],
    });
  });

  test("takes every exit code of a step that expects none", () => {
    expect(withSteps(STEP).steps).toMatchObject([{ expect: null, when: null }]);
  });

  const words: [attribute: string, read: object][] = [
    ["expect=exit:0", { expect: { code: 0, output: null } }],
    ["expect=output:1.5", { expect: { code: 0, output: "1\\.5" } }],
    ["expect=output:/^(a|b) \\d+$/", { expect: { code: 0, output: "^(a|b) \\d+$" } }],
    ["when=first:passed", { when: { step: "first", is: "passed" } }],
    ["when=first:exit:3", { when: { step: "first", is: { code: 3 } } }],
    ["when=first:output:/unhealthy|down/", { when: { step: "first", is: { output: "unhealthy|down" } } }],
    ["timeout=20m", { timeout_ms: 1_200_000 }],
  ];
  test.each(words)("says by %s when a step is wanted, what lets it go on, and how long it may take", (word, read) => {
    const written = word.includes(" ") ? word.replace("=", '="').concat('"') : word;
    const { steps, problems } = withSteps(
      `${fence("sh step=first risk=read")}${fence(`sh step=look risk=read ${written}`)}`,
    );
    expect(problems).toEqual([]);
    expect(steps[1]).toMatchObject(read);
  });

  test("may hold blocks that are no shell's, as text", () => {
    const text = `${STEP}${fence("json", '{"step": 1}')}\n    sh step=x\n`;
    expect(withSteps(text)).toMatchObject({ steps: [{ name: "look" }], problems: [] });
  });

  test("may hide a block in a comment, which is then no step", () => {
    expect(withSteps(`${STEP}<!--\n${fence("sh step=hidden risk=destructive")}-->\n`).steps).toHaveLength(1);
  });

  const folder = join(import.meta.dirname, "../../runbooks");
  const files = readdirSync(folder).filter((file) => file.endsWith(".md") && file !== "README.md");
  test.each(files)("of this repository is one: %s", (file) => {
    const { problems, steps } = parseRunbook(readFileSync(join(folder, file), "utf8"));
    expect(problems).toEqual([]);
    expect(steps.length).toBeGreaterThan(0);
  });
});

describe("what looks like a step and is none is told with its line", () => {
  const step = "sh step=look risk=read";
  const offenders: [text: string, line: number, message: string][] = [
    [`~~~${step}\ntrue\n~~~\n`, 0, "backticks"],
    [`- Look:\n  ${fence(step).replaceAll("\n", "\n  ")}\n`, 1, "list or a quote"],
    [`> ${fence(step).replaceAll("\n", "\n> ")}\n`, 0, "list or a quote"],
    [fence("bash step=look risk=read"), 0, "steps are `sh`"],
    [fence("console"), 0, "steps are `sh`"],
    [fence("text step=look"), 0, "steps are `sh`"],
    [fence("sh"), 0, "a step has a name"],
    [fence("sh step=Look risk=read"), 0, "kebab-case"],
    [fence("sh step=look"), 0, "risk is one of read, change, destructive"],
    [fence("sh step=look risk=none"), 0, "risk is one of"],
    [fence(`${step} retry=2`), 0, '"retry=2" is no attribute'],
    [fence(`${step} undo=Other`), 0, "takes a step back is a step"],
    [fence(`${step} timeout=soon`), 0, "timeout=30s"],
    [fence(`${step} timeout=30d`), 0, "timeout=30s"],
    [fence(`${step} expect=output:/(/`), 0, "expect=output:/pattern/"],
    [fence(`${step} expect="output:x`), 0, "what is expected is"],
    [fence(`${step} when=look:gone`), 0, "when=look:failed"],
    [fence(`${step} quickly`), 0, '"quickly" is no attribute'],
    [fence(`${step} risk=change`), 0, "risk= is given twice"],
    [fence(`${step} expect=0`), 0, "expect=exit:0"],
    [fence(`${step} expect=exit:256`), 0, "expect=exit:0"],
    [fence(`${step} expect=exit:00`), 0, "expect=exit:0"],
    [fence(`${step} when=Now!`), 0, "when=upstream"],
    [fence(step, ""), 0, "no commands"],
    [`${STEP}\n${STEP}`, 4, "occurs twice"],
    [`\`\`\`${step}\ntrue\n`, 0, "not closed"],
    [`\`\`\`\`${step}\ntrue\n\`\`\`\n`, 0, "not closed"],
  ];
  test.each(offenders)("%j: line %i, %s", (text, offset, message) => {
    const { problems, steps } = withSteps(text);
    expect(problems.map(({ line }) => line)).toContain(FIRST_LINE + offset);
    expect(problems.map((problem) => problem.message).join("\n")).toContain(message);
    // The first of two steps of one name stays one.
    expect(steps.length).toBeLessThanOrEqual(text.startsWith(STEP) ? 1 : 0);
  });

  test.each(["undo=look", "undo=gone", "when=gone:failed", "when=later:failed"])(
    "a step that %s does not name",
    (word) => {
      const { problems } = withSteps(`${fence(`${step} ${word}`)}${fence("sh step=later risk=read")}`);
      expect(problems).toMatchObject([
        { line: FIRST_LINE, message: expect.stringMatching(/names no (other|earlier) step/) },
      ]);
    },
  );

  test("what stands under Do not is never a step", () => {
    const text = `${HEAD.replace("## Do not\n", `## Do not\n${STEP}`)}${fence("sh step=other risk=read")}${TAIL}`;
    expect(messages(text)).toEqual([expect.stringContaining(`${FIRST_LINE - 1}: "${step}": is under "Do not"`)]);
    expect(parseRunbook(text).steps).toMatchObject([{ name: "other" }]);
  });
});

describe("the form of a runbook is told with the line", () => {
  const whole = `${HEAD}${STEP}${TAIL}`;
  const offenders: [text: string, message: string][] = [
    [whole.slice(whole.indexOf("# A title")), "1: has no front matter"],
    [whole.replace("alerts: [search-empty]\n", ""), "1: front matter: alerts: "],
    [whole.replace("severity: SEV-2", "severity: high"), "4: front matter: severity: "],
    [whole.replace("alerts: [search-empty]", "alerts: search-empty"), "3: front matter: alerts: "],
    [whole.replace("2026-11-22", "2026-02-30"), "6: front matter: last_drilled: "],
    [whole.replace("services:", "owner: me\nservices:"), "owner"],
    [whole.replace("services:", "alerts: []\nservices:"), "5: front matter: Map keys must be unique"],
    [whole.replace("services: [search]", "services: [*none]"), "1: front matter: ReferenceError: Unresolved alias"],
    [whole.replace("# A title\n", ""), "1: has 0 titles"],
    [whole.replace("## Impact\n", ""), "sections are Meaning · Do not"],
    [`${HEAD}${TAIL}`, "has no step"],
  ];
  test.each(offenders)("%j: %s", (text, message) => {
    expect(messages(text).join("\n")).toContain(message);
  });
});

describe("any text is read", () => {
  /** Text in which the marks of Markdown and YAML are frequent. */
  const marks = [
    "`",
    "```",
    "~~~",
    "sh step=a risk=read",
    "\n",
    "\n\n",
    "    ",
    "\t",
    "- ",
    "> ",
    "# ",
    "## Steps",
    "---",
  ];
  const more = [
    "a: &a [*a]",
    "<!--",
    "-->",
    "<div>",
    "[x](y)",
    "&#96;",
    "\\",
    "\r",
    "\r\n",
    "\0",
    "x",
    "=",
    "*",
    "1. ",
  ];
  const markdown = fc.oneof(
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    {
      weight: 4,
      arbitrary: fc.array(fc.constantFrom(...marks, ...more), { maxLength: 60 }).map((parts) => parts.join("")),
    },
  );

  test("without an exception, and every line that is told exists", () => {
    fc.assert(
      fc.property(markdown, fc.boolean(), fc.boolean(), (text, hasHead, hasTail) => {
        const whole = `${hasHead ? HEAD : ""}${text}${hasTail ? TAIL : ""}`;
        const lines = whole.split(/\r\n|\n|\r/);
        const { steps, problems } = parseRunbook(whole);
        for (const { line } of [...steps, ...problems]) expect(lines[line - 1], `line ${line}`).toBeDefined();
        for (const { line } of steps) expect(lines[line - 1]).toMatch(/^ {0,3}`{3,}.*step/);
      }),
      { numRuns: 2_000 },
    );
  });

  /** Blocks that end what stood before them, each with whether a step begins on its first line. */
  const indented = (prefix: string) => fence("sh step=NAME risk=read").replaceAll(/^(?=.)/gm, prefix);
  const block = fc.constantFrom(
    { text: fence("sh step=NAME risk=read expect=exit:0"), is_step: true },
    { text: fence("sh  risk=change   step=NAME ", "a\n\nb"), is_step: true },
    { text: fence("sh step=NAME risk=read").replaceAll("```", "`````"), is_step: true },
    { text: fence("sh step=NAME risk=read", "cat <<'END'\n~~~sh step=inner risk=read\nEND"), is_step: true },
    { text: `<details>\n</details>\n`, is_step: false },
    { text: indented("    "), is_step: false },
    { text: indented("> "), is_step: false },
    { text: `- x\n${indented("  ")}`, is_step: false },
    { text: `1. x\n${indented("   ")}`, is_step: false },
    { text: `<!--\n${fence("sh step=NAME risk=read")}-->\n`, is_step: false },
    { text: `\`\`\`\`text\n${fence("sh step=NAME risk=read")}\`\`\`\`\n`, is_step: false },
    { text: fence("sh step=NAME risk=read").replaceAll("```", "~~~"), is_step: false },
    { text: fence("text"), is_step: false },
    { text: "`` ```sh step=NAME risk=read ``\n", is_step: false },
    { text: "### Steps\n", is_step: false },
    { text: "A paragraph.\n", is_step: false },
  );

  test("and a step is found exactly where a closed fence with `step=` stands at the top level", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
        // A line of text at the margin ends a list, so that what follows it is not its continuation.
        const texts = blocks.map(({ text }, index) => `${text.replaceAll("NAME", `s-${index}`)}\nEnd.\n\n`);
        const starts = texts.map((_, index) => FIRST_LINE + texts.slice(0, index).join("").split("\n").length - 1);
        const expected = blocks.flatMap(({ is_step }, index) =>
          is_step ? [{ name: `s-${index}`, line: starts[index] }] : [],
        );
        const { steps } = withSteps(texts.join(""));
        expect(steps.map(({ name, line }) => ({ name, line }))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
