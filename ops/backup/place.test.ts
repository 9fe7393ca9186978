import { join } from "node:path";
import { expect, test } from "vitest";
import { keptPlace, locateRepository } from "./place.ts";

test("what is written down of a repository's address says where it is, and holds no credentials", () => {
  expect(keptPlace("vault")).toBe(join(process.cwd(), "vault"));
  expect(keptPlace("/media/vault")).toBe("/media/vault");
  const given = "s3://user:secret@vault/prism?endpoint=https://user:secret@s3.example:9000/&region=eu-1&key=secret";
  const kept = keptPlace(given);
  expect(kept).not.toContain("secret");
  expect(kept).toBe(keptPlace(kept));
  const url = new URL(kept);
  expect([url.host, url.pathname, ...url.searchParams]).toEqual([
    "vault",
    "/prism",
    ["endpoint", "https://s3.example:9000"],
    ["region", "eu-1"],
  ]);
});

const locate = (
  given: string,
  env: Record<string, string> = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" },
) => locateRepository(given, () => Promise.reject(new Error("no stack is needed")), env);

test("a prefix is the one that other tools show, however its address spells it", async () => {
  const endpoint = "?endpoint=https://s3.example";
  for (const address of ["my backups/März", "my%20backups/M%C3%A4rz", "/my backups/März/"]) {
    const place = await locate(`s3://vault/${address}${endpoint}`);
    expect(place.storage.location).toBe("s3://vault/my backups/März/");
    const kept = await locate(keptPlace(`s3://vault/${address}${endpoint}`));
    expect(kept.storage.location).toBe(place.storage.location);
  }
  await expect(locate(`s3://vault/100%${endpoint}`)).rejects.toThrow("percent-encoded");
});

test.each([
  ["", "it has no endpoint"],
  ["?endpoint=localhost:9000", 'its endpoint "localhost:9000" is no address that begins with https:// or http://'],
  ["?endpoint=minio.example", 'its endpoint "minio.example" is no address'],
  ["?endpoint=s3://other", 'its endpoint "s3://other" is no address'],
])("an endpoint that is none is told: %j", async (query, cause) => {
  await expect(locate(`s3://vault/prism${query}`)).rejects.toThrow(cause);
});

test("a file is no folder, and is told as one", async () => {
  const file = import.meta.filename;
  await expect(locate(file)).rejects.toMatchObject({ exit_code: 2, parts: { cause: "it is a file" } });
  const below = { exit_code: 2, parts: { cause: `${file} is a file` } };
  await expect(locate(join(file, "vault", "prism"))).rejects.toMatchObject(below);
});

test.each(["", " ", "https://minio.example/vault", "S3://vault/prism?endpoint=https://minio.example", "gs://vault"])(
  "what is no folder and no bucket is told, and makes no folder here: %j",
  async (given) => {
    await expect(locate(given)).rejects.toMatchObject({ exit_code: 2 });
  },
);
