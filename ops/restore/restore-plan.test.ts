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

test("a snapshot that a clock which was set back has made is not taken for the state of an earlier moment", async () => {
  let clock_ms = Date.parse("2026-03-01T12:00:00Z");
  const set_back = await Vault.make(() => clock_ms);
  try {
    const at = (time: string) => set_back.open((repository) => snapshotAt(repository, Date.parse(time)));
    const first = await set_back.take();
    clock_ms = Date.parse("2026-03-01T14:00:00Z");
    await set_back.take();
    // What was there at 15:00.
    clock_ms = Date.parse("2026-03-01T13:00:00Z");
    const third = await set_back.take();
    await expect(at("2026-03-01T13:30:00Z")).rejects.toMatchObject({
      exit_code: 3,
      parts: { cause: expect.stringContaining(`${third.info.id} says that it was made at 2026-03-01T13:00:00`) },
    });
    expect(await at("2026-03-01T12:30:00Z")).toBe(first.info.id);
  } finally {
    set_back.remove();
  }
});
