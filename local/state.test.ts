import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { OPTIONAL_SECRETS, SECRETS } from "../infra/inventory.ts";
import { DataFolder } from "./state.ts";

function folder(): DataFolder {
  const path = mkdtempSync(join(tmpdir(), "prism-state-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return new DataFolder(path);
}

test("an installation has every secret that is not optional, and keeps it", () => {
  const data = folder();
  const { secrets } = data.identity();
  const empty = SECRETS.filter((name) => secrets[name] === "");
  expect(new Set(empty)).toEqual(OPTIONAL_SECRETS);
  expect(data.identity().secrets).toEqual(secrets);
});

test("an installation from before a secret existed gains it and keeps the others", () => {
  const data = folder();
  const { secrets } = data.identity();
  const old = JSON.parse(readFileSync(data.file("identity.json"), "utf8"));
  delete old.secrets.ALERT_WEBHOOK_SECRET;
  writeFileSync(data.file("identity.json"), JSON.stringify(old));
  const { ALERT_WEBHOOK_SECRET, ...kept } = data.identity().secrets;
  expect(ALERT_WEBHOOK_SECRET).toHaveLength(40);
  expect({ ...secrets, ALERT_WEBHOOK_SECRET: "" }).toEqual({ ...kept, ALERT_WEBHOOK_SECRET: "" });
});
