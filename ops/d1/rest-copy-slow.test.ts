/** The same promises as `copy.test.ts` and `long-rows.test.ts`, through the REST API and workerd's own SQLite. */
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "../../local/rest/rest-server.fixture.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import type { D1Connection } from "./connection.ts";
import { checks, contents, copyDatabase, longRows, nastyDatabase, tablePlan } from "./nasty-database.fixture.ts";
import { restD1 } from "./rest-connection.ts";
import { sqliteD1 } from "./sqlite-connection.ts";

let rest: RestUnderTest;
beforeAll(async () => {
  rest = await startRest();
});
afterAll(() => rest.close());

async function newDatabase(name: string): Promise<D1Connection> {
  const { account_id, url } = rest;
  const api = createCloudflare(
    { api_url: url, account_id, token: "test-token" },
    { signal: AbortSignal.timeout(60_000) },
  );
  const { uuid } = await api.d1.database.create({ account_id, name });
  return restD1(api, account_id, uuid ?? "");
}

test("any database arrives bit for bit through the REST API, there and back", async () => {
  // One seed, many tables in few databases: each request takes its time. `copy.test.ts` roams.
  const batches = fc.sample(fc.array(tablePlan, { minLength: 12, maxLength: 12 }), { numRuns: 2, seed: 20 });
  for (const [index, plans] of batches.entries()) {
    const [source, copy] = [nastyDatabase(plans), new DatabaseSync(":memory:")];
    const remote = await newDatabase(`copy-${index}`);
    await copyDatabase(sqliteD1(source), remote);
    await copyDatabase(remote, sqliteD1(copy), 5);
    expect(contents(copy)).toEqual(contents(source));
    expect(checks(copy)).toEqual(["ok"]);
  }
});

test("rows up to D1's 2 MB pass through the REST API, there and back", async () => {
  const [source, copy] = [longRows(), new DatabaseSync(":memory:")];
  const remote = await newDatabase("long");
  await copyDatabase(sqliteD1(source), remote);
  await copyDatabase(remote, sqliteD1(copy));
  expect(contents(copy)).toEqual(contents(source));
});
