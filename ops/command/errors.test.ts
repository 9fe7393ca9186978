import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { asOpsError, isReason, OpsError, renderError } from "./errors.ts";

const error = new OpsError({ op: "read", subject: "a.json", cause: "it is empty", hint: "write it first" });

test("an error prints what failed and what to do, in two lines", () => {
  expect(renderError(error, { colour: false, verbose: false })).toBe(
    "Error: read a.json: it is empty\nTry: write it first\n",
  );
});

test("where it arose is shown only on request, with the error below it", () => {
  const outer = new OpsError(error.parts, { error: new TypeError("inner") });
  expect(renderError(outer, { colour: false, verbose: false })).not.toContain("errors.test.ts");
  expect(renderError(outer, { colour: false, verbose: true })).toMatch(
    /errors\.test\.ts[\s\S]*Caused by: TypeError: inner/,
  );
});

test("colours are asked for, never assumed", () => {
  expect(renderError(error, { colour: true, verbose: false })).toContain("\u001b[31mError:");
});

test("an unexpected error is called unexpected", () => {
  expect(asOpsError(new TypeError("x is undefined")).parts.cause).toBe("unexpected TypeError: x is undefined");
  expect(asOpsError("text").parts.cause).toBe("unexpected text");
  expect(asOpsError(error)).toBe(error);
});

test("an error is told from others by its reason, never by its words", () => {
  const running = new OpsError({ ...error.parts, cause: "not-running", reason: "no-key" });
  expect(isReason(running, "no-repository", "no-key")).toBe(true);
  expect(isReason(running, "not-running")).toBe(false);
  expect(isReason(error, "no-key")).toBe(false);
  expect(isReason(Object.assign(new Error("no-key"), { reason: "no-key" }), "no-key")).toBe(false);
});

test("work ended from outside is not called unexpected", () => {
  expect(asOpsError(new DOMException("", "TimeoutError")).parts.hint).toContain("--timeout");
  expect(asOpsError(new DOMException("", "AbortError"))).toMatchObject({ reason: "interrupted" });
  const wrapped = Object.assign(new Error("aborted", { cause: new DOMException("", "TimeoutError") }), {
    name: "AbortError",
  });
  expect(asOpsError(wrapped)).toMatchObject({ reason: "timed-out" });
});

test.each(["EACCES", "EROFS", "ENOTDIR"])(
  "a folder that may not be written (%s) is no defect, and --data names another one",
  (code) => {
    const refusedBySystem = Object.assign(new Error(`${code}: mkdir '/vault'`), {
      code,
      path: "/vault",
      syscall: "mkdir",
    });
    const { cause, hint } = asOpsError(refusedBySystem).parts;
    expect(cause).toBe(`${code}: mkdir '/vault'`);
    expect(hint).toMatch(/may write to \/vault; --data DIR/);
  },
);

test("a folder for temporary files that is not there is no defect, and TMPDIR names another one", async () => {
  const error = await mkdtemp(join(tmpdir(), "prism-none/x")).catch(asOpsError);
  expect(error).toMatchObject({ parts: { hint: expect.stringMatching(/^TMPDIR=DIR /) } });
});
