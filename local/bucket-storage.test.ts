import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BUCKETS } from "../infra/inventory.ts";
import { bucketStorageName } from "./bucket-storage.ts";
import { durableObjectFile } from "./durable-object-file.ts";
import { startPlatform } from "./platform.ts";

test("objects that an older platform kept under the bucket's own name are found, and not under that name any more", async () => {
  const data_dir = mkdtempSync(join(tmpdir(), "prism-buckets-"));
  const bucket = Object.values(BUCKETS)[0]?.name ?? "";
  const folder = join(data_dir, "engine", "r2");
  try {
    const first = await startPlatform({ data_dir });
    await (await first.runtime.r2(bucket)).put("kept.txt", "still here");
    await first.close();
    const hidden = bucketStorageName(bucket, first.api_token);
    renameSync(join(folder, hidden), join(folder, bucket));
    renameSync(
      durableObjectFile(folder, "R2BucketObject", hidden),
      durableObjectFile(folder, "R2BucketObject", bucket),
    );

    const second = await startPlatform({ data_dir });
    const object = await (await second.runtime.r2(bucket)).get("kept.txt");
    expect(await object?.text()).toBe("still here");
    await second.close();
    expect(readdirSync(folder)).toContain(hidden);
    expect(readdirSync(folder)).not.toContain(bucket);
  } finally {
    rmSync(data_dir, { recursive: true });
  }
});
