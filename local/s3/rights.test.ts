import { describe, expect, test } from "vitest";
import { type Asked, refuseUnlessAllowed } from "./rights.ts";

const put: Asked = { method: "PUT", bucket: "backups", key: "a", copied_from: undefined, of_objects: false };
const get = { ...put, method: "GET" };
const list = { ...get, key: "" };
const deleteMany = { ...put, method: "POST", key: "", of_objects: true };
const makeBucket = { ...put, key: "" };
const buckets = { ...list, bucket: "" };
const copy = { ...put, copied_from: "vectors" };

const ALL = { put, get, list, deleteMany, makeBucket, buckets, copy };
const allowed = (scopes: string[] | undefined) =>
  Object.entries(ALL)
    .filter(([, asked]) => {
      try {
        refuseUnlessAllowed(scopes, asked);
        return true;
      } catch {
        return false;
      }
    })
    .map(([name]) => name);

describe("a token may do through S3 what its permission groups say", () => {
  test.each([
    ["everything, where it is not narrowed", undefined, Object.keys(ALL)],
    ["nothing with groups of other products", ["d1:read", "kv:edit", "workers:edit"], []],
    ["reading all with R2 Storage Read", ["r2:read"], ["get", "list", "buckets"]],
    ["all with R2 Storage Write", ["r2:edit"], Object.keys(ALL)],
    ["reading one bucket's objects", ["objects:read:backups"], ["get", "list"]],
    ["changing one bucket's objects", ["objects:edit:backups"], ["put", "get", "list", "deleteMany"]],
    ["no other bucket", ["objects:edit:logs"], []],
    [
      "a copy from what it may read",
      ["objects:edit:backups", "objects:read:vectors"],
      ["put", "get", "list", "deleteMany", "copy"],
    ],
  ])("%s", (_what, scopes, expected) => {
    expect(allowed(scopes)).toEqual(expected);
  });
});
