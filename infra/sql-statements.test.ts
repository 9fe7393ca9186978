import fc from "fast-check";
import { expect, test } from "vitest";
import { splitStatements } from "./sql-statements.ts";

const texts = (sql: string) => splitStatements(sql).map(({ text }) => text);

test("semicolons in strings, names and comments do not end a statement", () => {
  const sql = `SELECT ';''' AS "a;b", [c;d], \`e;f\` -- ; no\n/* ; */ FROM t; SELECT 2 -- end`;
  expect(texts(sql)).toHaveLength(2);
});

test("a trigger is one statement, whatever CASE … END its body holds and however END is written", () => {
  const trigger =
    "create temp trigger t after insert on a begin update a set x = case when 1 then 2 end; select 1; end";
  const splits = splitStatements(`SELECT 1;\n${trigger};\nSELECT 2;`);
  expect(splits.map(({ is_trigger }) => is_trigger)).toEqual([false, true, false]);
  expect(splits[1]?.text).toBe(trigger);
});

test("statements joined by semicolons come apart again", () => {
  const piece = fc.constantFrom(
    "SELECT 1",
    "INSERT INTO t VALUES (';', 'it''s')",
    'SELECT "a;b" FROM t /* ; */',
    "CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM b; SELECT CASE WHEN 1 THEN 2 END; END",
    "UPDATE a SET end = 1, begin = 2",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.constantFrom(";", ";\n", " ;; ", ";--x;\n"), (pieces, joint) => {
      expect(texts(pieces.join(joint)).map((text) => text.replace(/^--x;\n/, ""))).toEqual(pieces);
    }),
  );
});

test("any text at all is split without an error", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(
          "'",
          '"',
          "`",
          "[",
          "]",
          "--",
          "/*",
          "*/",
          ";",
          "\n",
          "END",
          "create",
          "trigger",
          "\u0000",
          "💥",
        ),
      ),
      (bits) => {
        for (const { text } of splitStatements(bits.join(" "))) expect(text).not.toBe("");
      },
    ),
  );
});
