import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { markdownTitle } from "./title.ts";

const matter = (lines: string): string | undefined => markdownTitle(`---\n${lines}\n---\n\n# Heading\n`);

describe("front matter", () => {
  test.each([
    ["title: >-\n  Folded\n  text", "Folded text"],
    ["title: |\n  Literal\n\n  text\ntags: [a]", "Literal text"],
    ['title: "Say \\"hello\\""', 'Say "hello"'],
    ["title: 'It''s'", "It's"],
    ["title: Plain # a comment", "Plain"],
    ["title: &anchor Anchored", "Anchored"],
    ["short: &t Aliased\ntitle: *t", "Aliased"],
    ["base: &b { title: Merged }\n<<: *b", "Merged"],
    ['"title": Quoted key', "Quoted key"],
    ["# a comment\ntitle: After a comment", "After a comment"],
    ["{title: In braces, tags: []}", "In braces"],
    ["title: 1.10", "1.10"],
    ["title: 2026-01-02", "2026-01-02"],
    ['title: "null"', "null"],
    ["title: C#\nnested:\n  title: Other", "C#"],
  ])("is YAML: %j gives %j", (lines, title) => {
    expect(matter(lines)).toBe(title);
  });

  test.each(['title: ""', "title: ~", "title:", "title: null", "title: [a]", "title: *nothing", "nested:\n  title: x"])(
    "without a title (%j) leaves it to the headings",
    (lines) => {
      expect(matter(lines)).toBe("Heading");
    },
  );

  test("may be TOML between +++", () => {
    expect(markdownTitle('+++\n# comment\ntitle = "A \\"toml\\" title" # more\n[x]\ntitle = "no"\n+++\n# H\n')).toBe(
      'A "toml" title',
    );
    expect(markdownTitle("+++\ntitle = '''\nTwo\nlines'''\n+++\n")).toBe("Two lines");
    expect(markdownTitle("+++\ntitle = \n+++\n\n# Heading\n")).toBe("Heading");
  });

  test("is neither a rule below which the text begins, nor what was never closed", () => {
    expect(markdownTitle("---\n\n# Between rules\n\n---\n")).toBe("Between rules");
    expect(markdownTitle("---\ntitle: Open\n\n# Heading\n")).toBe("Heading");
    expect(markdownTitle("---\n# only a comment\n---\n\n# Heading\n")).toBe("Heading");
  });

  const style = fc.constantFrom("PLAIN", "QUOTE_DOUBLE", "QUOTE_SINGLE", "BLOCK_FOLDED", "BLOCK_LITERAL");
  test("gives the title that YAML says, however it is written", () => {
    const title = fc.string({ unit: "binary", minLength: 1 }).filter((text) => /[\p{L}\p{N}]/u.test(text));
    const line = fc.string({ unit: "grapheme-ascii", minLength: 1 }).filter((text) => /\w/.test(text));
    fc.assert(
      fc.property(fc.oneof(title, line), style, fc.constantFrom(0, 20, 80), (given, defaultStringType, lineWidth) => {
        const yaml = stringify({ draft: true, title: given, tags: ["a"] }, { defaultStringType, lineWidth });
        const said = (parse(yaml) as { title: string }).title;
        const shown = markdownTitle(`---\n${yaml}---\n\n# Heading\n`);
        expect(shown).toBe(markdownTitle(`---\ntitle: ${JSON.stringify(said)}\n---\n`));
        if (/^[\x20-\x7e]*$/.test(said)) expect(shown).toBe(said.replace(/\s+/g, " ").trim());
      }),
    );
  });
});

describe("headings", () => {
  test.each([
    ['<h1 align="center">Html &amp; Title</h1>\n\n## Second\n', "Html & Title"],
    ['<div align="center">\n  <H1><a href="x">my_tool</a>\n  <b>2 * 3</b></H1>\n</div>\n', "my_tool 2 * 3"],
    ['<h1><img src="x.png" alt="The logo"></h1>\n', "The logo"],
    ["<!-- <h1>Commented out</h1> -->\n\n## Seen\n", "Seen"],
    ["A title\nover two lines\n===\n\nText.\n", "A title over two lines"],
    ["## Low\n\n# *High* `code` [link](x)\n", "High code link"],
    ["# [Project][home]\n\n[home]: https://a.example\n", "Project"],
    ["```\n# in code\n```\n\n    # in code as well\n\n> # quoted\n\n### Real\n", "Real"],
    ["# Closed #\n", "Closed"],
    ["# Marked[^1] and named {#id .cls}\n\n[^1]: Note.\n", "Marked and named"],
    ["---\ntitle: \u200b\n---\n\n# \u2060\n\n# Seen\n", "Seen"],
    ["$$ n =\n# of items $$\n\n## Heading\n", "Heading"],
    ["#hashtag\n\n## Heading\n", "Heading"],
    ["<h1>Never closed\n\n<h2>Two<h2>Closed</h2>\n", "Closed"],
    ["<h1></h1>\n<h1> <b></b> </h1>\n<h2>Says something</h2>\n", "Says something"],
    ["<!-- a comment --><h1>Behind it</h1>\n", "Behind it"],
    ["- # in a list\n\n1. # in another\n\n| # in | a table |\n|-|-|\n\n## Outside\n", "Outside"],
    ["Text alone.\n", undefined],
  ])("are those that CommonMark and HTML have: %j gives %j", (text, title) => {
    expect(markdownTitle(text)).toBe(title);
  });

  test("of a long document are found behind its opening, and may be defined at its end", () => {
    const long = "Some words of text.\n\n".repeat(1000);
    expect(markdownTitle(`## Low\n\n${long}# High\n`)).toBe("High");
    expect(markdownTitle(`# [Project][home]\n\n${long}[home]: https://a.example\n`)).toBe("Project");
  });

  test("of a file that a parser reads in the square of its length cost what its length costs", () => {
    // The largest file that is indexed, of what took hours: each would end this run.
    for (const piece of ["<h1>", "<", "> ", "**_", "- **_\n", "<a **_"])
      expect(markdownTitle(`${piece.repeat(900_000 / piece.length)}\n\n# Title\n`)).toBe("Title");
  });
});
