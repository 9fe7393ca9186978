import { afterAll, beforeAll, expect, test } from "vitest";
import { Vault } from "../backup/torture/vault.fixture.ts";
import { snapshotAt } from "./restore-plan.ts";

let vault: Vault;
beforeAll(async () => {
  vault = await Vault.make();
});
afterAll(() => vault.remove());

test("a moment is looked for among the snapshots there are; an empty repository says that it is empty", async () => {
  const at = (at_ms: number) => vault.open((repository) => snapshotAt(repository, at_ms));
  await expect(at(Date.now())).rejects.toThrow(/there is none yet/);
  const { info, summary } = await vault.take();
  expect(await at(summary.state_at_ms)).toBe(info.id);
  expect(await at(summary.state_at_ms - 1)).toBeNull();
});
