import { expect, test } from "vitest";
import { ADVICE_ROWS_MIN } from "../limits.ts";
import { normalised } from "../telemetry/slow-queries.ts";
import { indexAdvice, scannedTables } from "./index-advice.ts";

const slow = (statement: string, plan: string) => ({ statement, plan, times: 1, max_ms: 200, last_at_ms: 1 });

test.each([
  ["SELECT * FROM feedback WHERE created_at_ms >= ?", "SCAN feedback", ["feedback"]],
  [
    "SELECT p.part FROM job_parts p JOIN jobs AS j ON j.id = p.job_id",
    "SCAN p; SEARCH j USING PRIMARY KEY (id=?)",
    ["job_parts"],
  ],
  ["SELECT count(*) FROM chunks", "SCAN chunks USING COVERING INDEX chunks_by_pack", []],
  ["SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH ?", "SCAN chunks_fts VIRTUAL TABLE INDEX 0:M5", []],
  ["SELECT * FROM documents WHERE id = ?", "SEARCH documents USING INTEGER PRIMARY KEY (rowid=?)", []],
  ["SELECT value FROM json_each(?)", "SCAN json_each VIRTUAL TABLE INDEX 1:", []],
  ["SELECT 1 FROM a WHERE x; SELECT 1 FROM b WHERE y", "SCAN a; SCAN b", ["a", "b"]],
])("%s with the plan %s reads %j from end to end", (statement, plan, tables) => {
  expect(scannedTables({ statement, plan })).toEqual(tables);
});

test("a scan is worth an index when the table is large", () => {
  const statements = [slow("SELECT * FROM feedback WHERE created_at_ms >= ?", "SCAN feedback")];
  expect(indexAdvice(statements, new Map([["feedback", ADVICE_ROWS_MIN - 1]]))).toEqual([]);
  expect(indexAdvice(statements, new Map([["feedback", ADVICE_ROWS_MIN]]))).toMatchObject([{ table: "feedback" }]);
});

test("statements are told without what callers put into them", () => {
  expect(normalised(["SELECT *\n  FROM t1 WHERE a = 'it''s 12' AND b = 3.5 AND c = ?2 LIMIT 10", "SELECT 1"])).toBe(
    "SELECT * FROM t1 WHERE a = ? AND b = ? AND c = ?2 LIMIT ?; SELECT ?",
  );
});
