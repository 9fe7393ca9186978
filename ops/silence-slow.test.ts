import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "./command/run-cli.fixture.ts";
import { startWire } from "./storage/wire.fixture.ts";

test("a command that waits for a storage says so without a terminal, and what it prints as JSON stays one document", {
  timeout: 60_000,
}, async () => {
  const wire = await startWire("http://127.0.0.1:9", () => ({ kind: "hang" }));
  const folder = mkdtempSync(join(tmpdir(), "prism-silence-"));
  const place = ["--repository", `s3://vault/a?endpoint=${wire.url}`, "--data", folder];
  const credentials = { PRISM_BACKUP_ACCESS_KEY_ID: "id", PRISM_BACKUP_SECRET_ACCESS_KEY: "secret" };
  const { code, stdout, stderr } = await runCli(
    ["backup", "list", ...place, "--timeout", "12s", "--json"],
    credentials,
  );
  expect(stderr).toMatch(
    /^Waiting for \d+ s for s3:\/\/vault\/a\/: .*, try 1 of 7; until \d\d:\d\d:\d\d UTC at most$/m,
  );
  expect({ code, error: JSON.parse(stdout).error.reason }).toEqual({ code: 1, error: "timed-out" });
  await wire.close();
  rmSync(folder, { recursive: true });
});
