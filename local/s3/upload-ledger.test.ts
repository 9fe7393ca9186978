import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { UploadLedger } from "./upload-ledger.ts";

test("uploads and their parts survive a restart, and finishing one forgets both", () => {
  const folder = mkdtempSync(join(tmpdir(), "prism-uploads-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "uploads.sqlite");
  const part = { part_number: 2, r2_etag: "r2", md5: "m", size_bytes: 7, uploaded_ms: 5 };
  const upload = { upload_id: "u1", bucket: "b", key: "k", initiated_ms: 1 };

  const before = new UploadLedger(path);
  before.start(upload);
  before.putPart("u1", part);
  before.close();

  const after = new UploadLedger(path);
  expect(after.get("b", "k", "u1")).toEqual(upload);
  expect(after.get("b", "other", "u1")).toBeUndefined();
  expect(after.parts("u1")).toEqual([part]);
  after.finish("u1");
  expect([after.get("b", "k", "u1"), after.parts("u1")]).toEqual([undefined, []]);
  after.close();
});

test("a list of uploads continues after its marker, whether or not that upload still exists", () => {
  const ledger = new UploadLedger(":memory:");
  onTestFinished(() => ledger.close());
  for (const [index, key] of ["b", "a", "é", "b", "c/x"].entries()) {
    ledger.start({ upload_id: `u${index}`, bucket: "bucket", key, initiated_ms: index });
  }
  const ids = (...list: Parameters<UploadLedger["list"]>) => ledger.list(...list).map(({ upload_id }) => upload_id);
  expect(ids("bucket", "")).toEqual(["u1", "u0", "u3", "u4", "u2"]);
  expect(ids("bucket", "c/")).toEqual(["u4"]);
  expect(ids("bucket", "", { key: "b", upload_id: "u0" })).toEqual(["u3", "u4", "u2"]);
  expect(ids("bucket", "", { key: "b", upload_id: "gone" })).toEqual(["u4", "u2"]);
  expect(ids("other", "")).toEqual([]);
});
