/** Files that stand in a text as base64 or hex, without `data:` before them. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Chunk, chunkDocument } from "./chunk.ts";

const joined = (chunks: readonly Chunk[]): string => chunks.map(({ text }) => text).join("");

/** Like a compressed file: no byte tells of another. */
const bytes = fc
  .record({ seed: fc.nat(), blocks: fc.integer({ min: 10, max: 40 }) })
  .map(({ seed, blocks }) =>
    Buffer.concat(
      Array.from({ length: blocks }, (_, block) => createHash("sha256").update(`${seed} ${block}`).digest()),
    ),
  );
const inLines = (text: string, chars: number, between: string) =>
  text.match(new RegExp(`.{1,${chars}}`, "g"))?.join(between) ?? "";
test.each<[string, (file: Buffer) => string]>([
  ["in a field of JSON", (file) => `"image": "${file.toString("base64")}", `],
  ["for an address", (file) => `id=${file.toString("base64url")};`],
  ["in hex", (file) => `0x${file.toString("hex")} `],
  [
    "in lines, as a certificate",
    (file) => `CERTIFICATE-----\n${inLines(file.toString("base64"), 64, "\n")}\n-----END `,
  ],
  ["in lines, as a mail", (file) => `Encoding: base64\n\n${inLines(file.toString("base64"), 76, "\n")}\n\n`],
  ["in lines of a comment", (file) => `# Key:\n# ${inLines(file.toString("base64"), 76, "\n# ")}\n\n`],
  ["in lines that JSON writes out", (file) => `"key": "${inLines(file.toString("base64"), 64, "\\n")}\\n"`],
  ["in lines of string literals", (file) => `"${inLines(file.toString("base64"), 72, '"\n    "')}";`],
])("base64 by itself is no text, either: %s", (_, write) => {
  fc.assert(
    fc.property(bytes, (file) => {
      const text = `Before. ${write(file)}After.`;
      const chunks = chunkDocument({ text, title: "" });
      expect(chunks.map(({ original, text }) => original ?? text).join("")).toBe(text);
      // Of a last line that is short, nothing may tell that it belongs to it.
      expect(joined(chunks)).toMatch(/^Before\. .{0,60}….{0,110}After\.$/s);
    }),
  );
});

test.each([
  ["a hash", `sha512 ${"9f86d081884c7d659a2feaa0c55ad015".repeat(4)}`],
  [
    "a list of hashes",
    Array.from({ length: 20 }, () => "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08").join("\n"),
  ],
  ["a signed token", `${"eyJhbGciOi9K".repeat(12)}.${"eyJzdWIiOi9K".repeat(14)}.${"SflKxwRJSMeK".repeat(5)}`],
  ["a path", `/srv/${"Data2024/Reports/MonthlyFigures/".repeat(9)}`],
  ["an address of words", `https://example.org/${"The-Quick-Brown-Fox-24-".repeat(12)}`],
  ["a name of many words", "AbstractSingletonProxyFactoryBean2".repeat(9)],
  ["genes", "ACGTTGCA".repeat(40)],
  ["digits", "3141592653589793".repeat(30)],
  ["rules of tables", `${"-".repeat(80)}\n${"_".repeat(300)}\n+${"-".repeat(70)}+`],
])("what somebody may look for stays, however long: %s", (_, text) => {
  expect(joined(chunkDocument({ text, title: "" }))).toBe(text);
});
