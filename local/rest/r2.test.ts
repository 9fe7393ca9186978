import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
let at: { account_id: string };
beforeAll(async () => {
  rest = await startRest();
  at = { account_id: rest.account_id };
});
afterAll(() => rest.close());

test("a bucket is created, listed by cursor, read and deleted", async () => {
  const { buckets } = rest.client.r2;
  for (const name of ["logs", "backups", "vectors"]) await buckets.create({ ...at, name });
  const first = await rest.call("GET", "/r2/buckets?per_page=2");
  expect(first.body.result.buckets.map(({ name }: { name: string }) => name)).toEqual(["backups", "logs"]);
  const second = await buckets.list({ ...at, cursor: String(first.body.result_info?.cursor) });
  expect(second.buckets?.map(({ name }) => name)).toEqual(["vectors"]);
  expect(await buckets.get("logs", at)).toMatchObject({
    name: "logs",
    storage_class: "Standard",
    creation_date: expect.any(String),
  });
  await buckets.delete("logs", at);
  await expect(buckets.get("logs", at)).rejects.toMatchObject({ status: 404, errors: [{ code: 10006 }] });
});

test("a bucket that exists, or a name R2 does not take, is refused", async () => {
  const { buckets } = rest.client.r2;
  await buckets.create({ ...at, name: "taken" });
  await expect(buckets.create({ ...at, name: "taken" })).rejects.toMatchObject({
    status: 409,
    errors: [{ code: 10004 }],
  });
  for (const name of ["ab", "Upper", "-dash", "under_score", "x".repeat(64)])
    await expect(buckets.create({ ...at, name })).rejects.toMatchObject({ status: 400, errors: [{ code: 10005 }] });
});

test("a bucket that holds objects cannot be deleted", async () => {
  const { buckets } = rest.client.r2;
  await buckets.create({ ...at, name: "full" });
  const bucket = await rest.engine.r2("full");
  await bucket.put("key", "value");
  await expect(buckets.delete("full", at)).rejects.toMatchObject({ status: 409, errors: [{ code: 10008 }] });
  await bucket.delete("key");
  await buckets.delete("full", at);
});

test("lifecycle and lock rules read back as they were put; a new bucket aborts uploads after 7 days", async () => {
  const { buckets } = rest.client.r2;
  await buckets.create({ ...at, name: "ruled" });
  expect((await buckets.lifecycle.get("ruled", at)).rules).toMatchObject([
    { abortMultipartUploadsTransition: { condition: { maxAge: 604_800 } } },
  ]);
  const rules = [
    {
      id: "logs",
      enabled: true,
      conditions: { prefix: "logs/" },
      deleteObjectsTransition: { condition: { type: "Age" as const, maxAge: 7_776_000 } },
    },
  ];
  await buckets.lifecycle.update("ruled", { ...at, rules });
  expect(await buckets.lifecycle.get("ruled", at)).toEqual({ rules });
  const locks = [
    { id: "month", enabled: true, prefix: "epoch/", condition: { type: "Age" as const, maxAgeSeconds: 2_592_000 } },
    { id: "ever", enabled: false, condition: { type: "Indefinite" as const } },
  ];
  await buckets.locks.update("ruled", { ...at, rules: locks });
  expect(await buckets.locks.get("ruled", at)).toEqual({ rules: locks });
});

test("a bucket has at most 1000 lock rules", async () => {
  await rest.client.r2.buckets.create({ ...at, name: "locked" });
  const rules = Array.from({ length: 1001 }, (_, n) => ({
    id: `r${n}`,
    enabled: true,
    condition: { type: "Indefinite" },
  }));
  expect((await rest.call("PUT", "/r2/buckets/locked/lock", { rules })).status).toBe(400);
});
