import { expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";
import { phasesFor, refuseOvertaken } from "./phases.ts";

const at = "2026-03-01T02:00:00.000Z";
const now_ms = Date.parse(at);
const asked = { retire: false, early: false, now_ms };
const MINUTE_MS = 60_000;

test("a rotation goes on from the phase that it was cut off in", () => {
  expect(phasesFor("API_SECRET", null, asked)).toMatchObject({ phases: ["staged", "switched"] });
  const staged = { secret: "API_SECRET", phase: "staged", at } as const;
  expect(phasesFor("API_SECRET", staged, asked)).toMatchObject({ phases: ["switched"] });
  const cutOff = (phase: "staging" | "switching" | "retiring") => ({ secret: "API_SECRET", phase, at }) as const;
  expect(phasesFor("API_SECRET", cutOff("staging"), asked)).toMatchObject({ phases: ["staged", "switched"] });
  expect(phasesFor("API_SECRET", cutOff("switching"), asked)).toMatchObject({ phases: ["switched"] });
  expect(phasesFor("API_SECRET", cutOff("retiring"), asked)).toMatchObject({ phases: ["retired"] });
  const switched = { secret: "API_SECRET", phase: "switched", at } as const;
  expect(phasesFor("API_SECRET", switched, asked)).toEqual({
    kind: "due",
    phases: [],
    retire_from_ms: now_ms + 5 * MINUTE_MS,
  });
});

test("an old value is retired only when nothing made with it lives any more, or early where that is said", () => {
  const switched = { secret: "JWT_SECRET", phase: "switched", at } as const;
  const retire = (minutes: number, early = false) =>
    phasesFor("JWT_SECRET", switched, { retire: true, early, now_ms: now_ms + minutes * MINUTE_MS });
  expect(retire(19)).toMatchObject({ kind: "refused", cause: expect.stringContaining("2026-03-01T02:20:00") });
  expect(retire(20)).toMatchObject({ phases: ["retired"], retire_from_ms: null });
  expect(retire(0, true)).toMatchObject({ phases: ["retired"] });
  expect(phasesFor("JWT_SECRET", null, { ...asked, retire: true })).toMatchObject({ kind: "refused" });
});

test("what others have made is replaced in one deployment", () => {
  expect(phasesFor("ERROR_WEBHOOK", null, asked)).toMatchObject({ phases: ["replaced"], retire_from_ms: null });
});

test("a pepper is refused with the reason, and what to do in its place", async () => {
  const { code, stderr } = await runCommand(["secrets", "rotate", "KEY_PEPPER"]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/hashes cannot be made anew without the keys.*[\s\S]*keys create/);
});

test("a phase is not carried out where another command has come further, or is at another secret", () => {
  const is = (
    phase: "staging" | "staged" | "switching" | "switched" | "retiring",
    secret: "API_SECRET" | "JWT_SECRET" = "API_SECRET",
  ) => ({ secret, phase, at }) as const;
  const overtaken = [
    // Exchanged again, the old value would be the new one.
    ["switched", is("switched")],
    ["switched", null],
    ["switched", is("staged", "JWT_SECRET")],
    // Staged again, the old value that is still accepted would be lost.
    ["staged", is("switched")],
    ["staged", is("staging", "JWT_SECRET")],
    ["retired", null],
  ] as const;
  for (const [phase, under] of overtaken)
    expect(() => refuseOvertaken("API_SECRET", phase, under)).toThrow(expect.objectContaining({ exit_code: 3 }));
  const allowed = [
    ["staged", null],
    ["staged", is("staging")],
    ["switched", is("staged")],
    ["switched", is("switching")],
    ["retired", is("switched")],
    ["retired", is("retiring")],
  ] as const;
  for (const [phase, under] of allowed) refuseOvertaken("API_SECRET", phase, under);
});
