/** What the largest texts that a request may carry cost, over a search of those that text processing finds hardest. */
import { expect, test } from "vitest";
import { BODY_BYTES_MAX, DOCUMENT_TEXT_CHARS_MAX } from "../../limits.ts";
import { indexWords } from "../text/index-words.ts";
import { documentHash } from "../text/normalise.ts";
import { units } from "../text/sentences.ts";
import { chunkDocument } from "./chunk.ts";
import { documentInput } from "./document-input.ts";

const CPU_MS_MAX = 2_000;
const TRIES = 3;

/** Marks, Markdown's own characters, ends of lines and sentences, and what joins or expands. */
const PATTERNS = [
  ...["data:", "data:,", "data:a/a;", "data:;a=", "data:image/svg+xml,<svg ", `data:;base64,${"A".repeat(40)}\n`],
  ..."-=~_*`#<>[](){}|!.:;,\\",
  ..."\t\n \u00ad\u0301\u0344\u09c7\u200d\u2028\ufeff。😀漢한á\u{e0100}",
  ...["\u0316\u0301", "\u0f71\u0f72", "\u1100\u1161", "\u09c7\u09be", "a\u200d", "\u0915\u093c", "\u0958"],
  ...["\ufdfa ", "ß", "ł ", "a&shy;", "㍿", "ꦗ", "ข้อ", "٣", "C++ ", "ᾇ"],
  ...[
    "#\n",
    "# \n\n",
    "a:\n\n",
    "- ",
    "- a\n",
    "- > ",
    "> - a\n",
    "1.\n",
    "1) a\n\n",
    "a\n=\n",
    "a\n-\n",
    "---\n",
    "* ",
  ],
  ...[
    "$$\n",
    "$$ a\n",
    "```\n",
    "> ```\n",
    "~~~ ",
    "a|\n-|\n",
    "> |-|\n",
    "<!--\n",
    "<pre>\n",
    "[a](",
    "![",
    "key: a\n",
    " \n",
  ],
  ...['." ', "U.S. ", "J. ", ", and ", " — ", "?! ", "1 ", "a-"],
];
const OPENINGS = ["", "a", "> ", "- a\n", "```\n", "---\nkey: a\n"];

/** Each takes half a minute; `npm run backup:torture` tries all. */
const TRIED = process.env.PRISM_TORTURE === "all" ? OPENINGS : OPENINGS.slice(0, 2);

test.each(TRIED.map((opening) => ({ opening })))(
  "no text of 1 MB that begins with $opening costs more than 2 s of CPU from request to chunks",
  ({ opening }) => {
    const costs = PATTERNS.map((pattern) => ({ pattern, cpu_ms: leastCpuOf(largest(opening, pattern)) }));
    expect(costs.filter(({ cpu_ms }) => cpu_ms > CPU_MS_MAX)).toEqual([]);
  },
);

function largest(opening: string, pattern: string): string {
  const bytes = Buffer.byteLength(JSON.stringify(pattern)) - 2;
  const times = Math.min(BODY_BYTES_MAX / bytes, DOCUMENT_TEXT_CHARS_MAX / pattern.length);
  return opening + pattern.repeat(times);
}

/** Other processes that press on the same caches only add to it: what is too much is measured again. */
function leastCpuOf(text: string): number {
  let least_ms = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && least_ms > CPU_MS_MAX; tries++) least_ms = Math.min(least_ms, cpuOf(text));
  return least_ms;
}

function cpuOf(text: string): number {
  const before = process.cpuUsage();
  const document = documentInput({ id: "x", text, format: "markdown", metadata: {} });
  const chunks = chunkDocument(document);
  void documentHash(document);
  for (const { heading, text } of chunks) indexWords(document.title, heading, text);
  for (const chunk of chunks.slice(0, 50)) units(chunk.text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
