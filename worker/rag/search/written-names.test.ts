import fc from "fast-check";
import { expect, test } from "vitest";
import { writtenNames } from "./written-names.ts";

const finds = (query: string, text: string): boolean => writtenNames(query).some((name) => text.search(name) >= 0);

test.each([
  ["What does --dry-run do?", "use --dry-run first"],
  ["Which port has -p?", "-p 80"],
  ["When did v2.1.0 come out", "## v2.1.0 (may)"],
  ["Is max_tokens kept?", "max_tokens: 3"],
  ["What is m.route?", "call m.route(root)"],
  ["Where is /etc/hosts.", "in /etc/hosts"],
])("%s: its name is found in %j", (query, text) => {
  expect(finds(query, text)).toBe(true);
});

test.each([
  ["What does --dry-run do?", "--dry-running, dry run"],
  ["When did 2.1.0 come out", "12.1.0, 2.1.05"],
  ["Who uses a pre-commit hook", "a pre-commit hook"],
  ["What is the target - and when?", "the target - and when"],
  ["Does it end. Then what?", "it ends. Then"],
])("%s: nothing is found in %j", (query, text) => {
  expect(finds(query, text)).toBe(false);
});

test("whatever is asked, there are few names and each is found in the query itself", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[a-z0-9 ._/:@()+*?[\]\\-]{0,80}$/));
  fc.assert(
    fc.property(text, (query) => {
      const names = writtenNames(query);
      expect(names.length).toBeLessThanOrEqual(8);
      for (const name of names) expect(query.toLowerCase().search(name)).toBeGreaterThanOrEqual(0);
    }),
  );
});
