/** What generators of documentation write around and into their pages. */
import { expect, test } from "vitest";
import { parseHtml } from "./web-page.ts";

const convert = async (page: string) => parseHtml(new TextEncoder().encode(page));

test("what is struck through is kept as such", async () => {
  expect(await convert("<p>Ships <del>Monday</del> <s>or</s> Friday.</p>")).toBe("Ships ~~Monday~~ ~~or~~ Friday.\n");
});

test("rows of links to the pages before and behind are left out, wherever a generator says that they are its navigation", async () => {
  const page = `<body class="navigation"><div class="navheader"><table><tr><td><a href="a.html">Prev</a></td></tr></table></div>
<div role="navigation">Contents</div><main class="navigation"><h1>Pumps</h1><p>Prime it.</p></main><p class="breadcrumbs">Home</p></body>`;
  expect(await convert(page)).toBe("# Pumps\n\nPrime it.\n");
});

test("the title of a note is no heading: what stands behind the note belongs to the section", async () => {
  const page = `<h2>Valves</h2><div class="admonition note"><h3 class="title">Note</h3><p>They are hot.</p></div><p>Close both.</p><h3>Seals</h3>`;
  expect(await convert(page)).toBe("## Valves\n\n**Note**\n\nThey are hot.\n\nClose both.\n\n### Seals\n");
});

test("neither the sign that links a heading to itself nor the title of a link is text", async () => {
  const page = `<h1>Pumps<a class="headerlink" href="#pumps" title="Link to this heading">¶</a></h1><p><a href="v.html" title="2. Valves">Valves</a></p>`;
  expect(await convert(page)).toBe("# Pumps\n\n[Valves](v.html)\n");
});

test("words stay whole and spaces are spaces beside what is emphasised", async () => {
  const page = `<p><b>SET </b><i>pressure</i><b> ; </b> <b> </b><b>Note:</b>default (<i>bar</i>) un<b>(re)</b>set <b><i>now </i></b>!</p>`;
  expect(await convert(page)).toBe("**SET** *pressure* **;** Note:default (*bar*) un(re)set **_now_** !\n");
});

test("of emphasis without a gap between it the first keeps its marks, and every word its letters", async () => {
  expect(await convert("<p><b>a</b><i>b</i>c and un<i>like</i><b>ly</b></p>")).toBe("**a**bc and un*like*ly\n");
});

test("a table stands apart from the paragraph that a page did not end, below its caption", async () => {
  const table = "<table><caption>Sizes</caption><tr><td>Bar<td>PSI<tr><td>5<td>73</table>";
  const converted = "Sizes\n\n| Bar | PSI |\n| - | - |\n| 5 | 73 |\n";
  expect(await convert(`<p>Pumps${table}Valves`)).toBe(`Pumps\n\n${converted}\nValves\n`);
  expect(await convert(`<!doctype html><p>Pumps${table}`)).toBe(`Pumps\n\n${converted}`);
});

test("definition lists, code and nested lists keep what belongs together", async () => {
  const page = `<dl><dt><code>--bar</code> N</dt><dd><p>Opening pressure.</p><pre>pump --bar 5
pump --bar 6</pre></dd><dt>-q</dt><dd>Quiet.</dd></dl>`;
  expect(await convert(page)).toBe(
    "- `--bar` N\n\n  Opening pressure.\n\n  ```\n  pump --bar 5\n  pump --bar 6\n  ```\n\n- -q\n\n  Quiet.\n",
  );
});

test("a page whose headings do not name it is headed by its title", async () => {
  const head = "<head><title> Pumps and valves </title></head>";
  expect(await convert(`${head}<body><h2>Pumps</h2><h2>Valves</h2></body>`)).toBe(
    "# Pumps and valves\n\n## Pumps\n\n## Valves\n",
  );
  expect(await convert(`${head}<body><p>Prime it.</p></body>`)).toBe("# Pumps and valves\n\nPrime it.\n");
  expect(await convert(`${head}<body><h1>Pumps</h1><h2>Seals</h2></body>`)).toBe("# Pumps\n\n## Seals\n");
});

test("of a title that names page and site, the page's part is its name where a heading says it, whatever links the heading to itself", async () => {
  const titled = (title: string, ...names: string[]) =>
    convert(
      `<head><title>${title}</title></head>${names.map((name) => `<h1>${name}<a href="#a">¶</a></h1>`).join("")}`,
    );
  const headings = (...names: string[]) => names.map((name) => `# ${name}\n`).join("\n");
  expect(await titled("Change log &#8212; The pumps", "Notes", "Change log")).toBe(
    headings("Change log", "Notes", "Change log"),
  );
  expect(await titled("Notes", "Notes", "Change log")).toBe(headings("Notes", "Change log"));
  // Which of them is the site's, nothing says.
  expect(await titled("Valves | Pumps", "Pumps", "Valves")).toBe(headings("Valves | Pumps", "Pumps", "Valves"));
  expect(await titled("How to: open - and close", "Open", "Close")).toBe(
    headings("How to: open - and close", "Open", "Close"),
  );
});
