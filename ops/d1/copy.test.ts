import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checks, contents, copyDatabase, nastyDatabase, tablePlan } from "./nasty-database.fixture.ts";
import { sqliteD1 } from "./sqlite-connection.ts";

test("any database arrives bit for bit, although everything passes through D1's JSON", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(tablePlan, { maxLength: 3 }),
      fc.integer({ min: 1, max: 5 }),
      async (plans, page_rows) => {
        const [source, copy] = [nastyDatabase(plans), new DatabaseSync(":memory:")];
        await copyDatabase(sqliteD1(source), sqliteD1(copy), page_rows);
        expect(contents(copy)).toEqual(contents(source));
        expect(checks(copy)).toEqual(["ok"]);
        expect(copy.prepare("SELECT rowid FROM room_text WHERE room_text MATCH 'door'").all()).toEqual([{ rowid: 7 }]);
        expect(copy.prepare("SELECT rowid FROM notes WHERE notes MATCH 'running'").all()).toEqual([{ rowid: -3 }]);
        source.close();
        copy.close();
      },
    ),
    { numRuns: 60 },
  );
});
