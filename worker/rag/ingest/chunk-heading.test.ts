import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHUNK_TABLE_HEAD_CHARS_MAX } from "../../limits.ts";
import { headingPathAt } from "../text/heading-path.ts";
import { type Chunk, chunkDocument } from "./chunk.ts";

const HEAD = "| Part | Torque | Tool |";
const rowOf = (number: number) => `| Axle bolt ${number} | ${40 + number} Nm | Socket 17 |`;
const table = (rows: number, head = HEAD) =>
  [head, head.replace(/[^|]+/g, " - "), ...Array.from({ length: rows }, (_, row) => rowOf(row))].join("\n");

function holding(chunks: readonly Chunk[], text: string): Chunk {
  const chunk = chunks.find((one) => one.text.includes(text));
  if (chunk === undefined) throw new Error(`no chunk holds ${text}`);
  return chunk;
}

describe("a table that is cut", () => {
  test("heads each further chunk with its first row, which costs its tokens once a chunk and the first chunk nothing", () => {
    const chunks = chunkDocument({ text: `# Bolts\n\n## Stock\n\n${table(1_000)}\n`, title: "Bolts" });
    expect(chunks.length).toBeGreaterThan(50);
    expect(chunks[0]?.heading).toBe("Stock");
    expect(new Set(chunks.slice(1).map(({ heading }) => heading))).toEqual(new Set([`Stock › ${HEAD}`]));
    expect(holding(chunks, rowOf(900)).text).not.toContain("Torque");
  });

  test("does so in a list and in a quote, without their marks", () => {
    for (const mark of ["> ", "  "]) {
      const text = `- Bolts:\n\n${table(200).replace(/^/gm, mark)}\n`;
      expect(holding(chunkDocument({ text, title: "" }), rowOf(150)).heading).toBe(HEAD);
    }
  });

  test("names as many columns as there is room for, and none of a first row that is no head", () => {
    const wide = `|${Array.from({ length: 200 }, (_, column) => ` Column ${column} |`).join("")}`;
    const { heading } = holding(chunkDocument({ text: table(100, wide), title: "" }), rowOf(99));
    expect(heading.length).toBeLessThanOrEqual(CHUNK_TABLE_HEAD_CHARS_MAX);
    expect(heading).toMatch(/^\| Column 0 \|.*\d \|$/);
    const prose = `${"no cell ".repeat(200)}|`;
    expect(holding(chunkDocument({ text: table(100, prose), title: "" }), rowOf(99)).heading).toBe("");
  });

  test("keeps its end, and the next section has its own place", () => {
    for (let rows = 30; rows < 60; rows += 1) {
      const text = `## Stock\n\n${table(rows)}\n\n## Prices\n\n| Part | Price |\n| - | - |\n| Nut | 3 |\n`;
      const chunks = chunkDocument({ text, title: "" });
      expect(holding(chunks, rowOf(rows - 1)).heading).toMatch(/^Stock/);
      const prices = holding(chunks, "Nut");
      expect(headingPathAt({ title: "", ...prices }, prices.text.indexOf("Nut"))).toBe("Prices");
    }
  });
});

const words = fc.integer({ min: 1, max: 700 }).map((count) => "some words ".repeat(count));
const sections = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), words), { minLength: 1, maxLength: 25 });

/** A document in which every section has a number of its own, with the headings above each. */
function numbered(parts: readonly (readonly [number, string])[], nameOf: (level: number, number: number) => string) {
  const above: { level: number; name: string }[] = [];
  return parts.map(([level, text], number) => {
    while ((above.at(-1)?.level ?? 0) >= level) above.pop();
    above.push({ level, name: nameOf(level, number) });
    return {
      markdown: `${"#".repeat(level)} ${nameOf(level, number)}\n\nStart${number} ${text}end${number}.\n`,
      path: above.map(({ name }) => name),
      marks: [`Start${number} `, `end${number}.`],
    };
  });
}

test.each([
  ["# Weevils[^1] of grain [^note]", "Weevils of grain"],
  ["Weevils[^1]\n=======", "Weevils"],
  ["# The class `[^a-z]` and a [^link](https://example.org)", "The class [^a-z] and a ^link"],
  ['# <b>Q</b> &amp; A <a id="qa"></a>of \\*args and snake\\_case', "Q & A of *args and snake_case"],
  ["# **Bold** `Vec<T>` and List<T>", "Bold Vec<T> and List<T>"],
])("a heading is told as it is shown, without its footnotes, which are none in code: %j", (heading, told) => {
  expect(chunkDocument({ text: `${heading}\n\nThey eat it.\n\n[^1]: Note.\n`, title: "" })[0]?.heading).toBe(told);
});

describe("the headings of a place in a chunk", () => {
  const pathOf = (chunks: readonly Chunk[], mark: string) => {
    const chunk = holding(chunks, mark);
    const path = headingPathAt({ title: "", ...chunk }, chunk.text.indexOf(mark));
    return path === "" ? [] : path.split(" › ");
  };

  test("are true and in their order, the section's own among them where its heading is in the chunk", () => {
    fc.assert(
      fc.property(sections, (parts) => {
        const told = numbered(parts, (_, number) => `Section ${number}`);
        const chunks = chunkDocument({ text: told.map(({ markdown }) => markdown).join("\n"), title: "" });
        for (const { path, marks } of told) {
          const [first = [], last = []] = marks.map((mark) => pathOf(chunks, mark));
          expect(first.at(-1)).toBe(path.at(-1));
          for (const said of [first, last]) expect(said).toEqual(path.filter((name) => said.includes(name)));
        }
      }),
    );
  });

  test.each(["Page", "Slide"])("always name the %s", (kind) => {
    fc.assert(
      fc.property(sections, (parts) => {
        const pages = parts.map(([level, text], at) => [at === 0 ? 1 : Math.min(level, 2), text] as const);
        const told = numbered(pages, (level, number) => (level === 1 ? `${kind} ${number}` : `Section ${number}`));
        const chunks = chunkDocument({ text: told.map(({ markdown }) => markdown).join("\n"), title: "" });
        for (const { path, marks } of told) for (const mark of marks) expect(pathOf(chunks, mark)[0]).toBe(path[0]);
      }),
    );
  });
});
