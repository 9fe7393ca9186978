import { beforeAll, describe, expect, test } from "vitest";
import { BUCKETS, SERVICE } from "./inventory.ts";
import { ACCOUNT_ID, type Program, runProgram, ZONE } from "./program.fixture.ts";

let paid: Program;
beforeAll(async () => {
  paid = await runProgram({ config: { plan: "paid", zone: ZONE } });
});

describe("tokens", () => {
  const policies = (job: string) =>
    paid.named(`${SERVICE}-token-${job}`).inputs.policies as {
      permissionGroups: { id: string }[];
      resources: string;
    }[];

  test("each has an end and reaches this account, its zone or named buckets only", () => {
    for (const token of paid.all("AccountToken")) {
      expect(Date.parse(String(token.inputs.expiresOn))).toBeGreaterThan(Date.now());
      for (const { resources } of token.inputs.policies as { resources: string }[])
        for (const resource of Object.keys(JSON.parse(resources)))
          expect(resource).toMatch(
            new RegExp(
              `^com\\.cloudflare\\.(api\\.account\\.(${ACCOUNT_ID}|zone\\.${ZONE.id})|edge\\.r2\\.bucket\\.${ACCOUNT_ID}_default_prism-\\w+)$`,
            ),
          );
    }
  });

  test("the token for backups writes to the bucket of backups and to no other", () => {
    const writing = policies("backup").filter(({ permissionGroups }) =>
      permissionGroups.some(({ id }) => id.endsWith("Bucket Item Write")),
    );
    expect(writing.map(({ resources }) => JSON.parse(resources))).toEqual([
      { [`com.cloudflare.edge.r2.bucket.${ACCOUNT_ID}_default_${BUCKETS.backups.name}`]: "*" },
    ]);
  });

  test("the token for reports writes no data", () => {
    const writes = policies("reports")
      .flatMap(({ permissionGroups }) => permissionGroups.map(({ id }) => id))
      .filter((id) => id.endsWith("Write"));
    // Its query endpoint counts as a write for Cloudflare; there is nothing in it to change.
    expect(writes).toEqual(["com.cloudflare.api.account/Workers Observability Write"]);
  });

  test("a permission that Cloudflare renamed stops the program, by its name", async () => {
    await expect(runProgram({ unknown_permissions: ["D1 Write"] })).rejects.toThrow(/no permission group «D1 Write»/);
  });
});
