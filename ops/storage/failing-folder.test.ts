/** Folders that the system itself refuses, as this one's view of processes does. */
import { expect, test } from "vitest";
import { directoryStorage } from "./directory-storage.ts";

const signal = new AbortController().signal;

test.runIf(process.platform === "linux")(
  "a folder that may not be written speaks of users and mounts, not of credentials",
  async () => {
    await expect(directoryStorage("/proc/self").create("x", Buffer.from("x"), signal)).rejects.toMatchObject({
      parts: { hint: expect.not.stringContaining("credentials") },
    });
  },
);

test.runIf(process.platform === "linux")("a disk that fails may answer the next time", async () => {
  // What is at its beginning no process may read: EIO, as a broken sector gives it.
  await expect(directoryStorage("/proc/self").read("mem", signal)).rejects.toMatchObject({ failure: "unclear" });
});
