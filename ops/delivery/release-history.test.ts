import { expect, test } from "vitest";
import { previousGood, type ServedVersion } from "./release-history.ts";

/** Releases oldest first, one version a period; returned as the API lists them. */
const history = (...releases: string[]): ServedVersion[] =>
  releases
    .map((release, index) => ({ version_id: `v${index}`, release, schema: null, fingerprint: null }))
    .toReversed();
const goesBackTo = (...releases: string[]) => previousGood(history(...releases))?.release;

test("a rollback goes to the release before the live one", () => {
  expect(goesBackTo("a", "b", "c")).toBe("b");
});

test("a release that was only bound anew is not gone back to itself", () => {
  expect(goesBackTo("a", "b", "b")).toBe("a");
});

test("a release that was rolled back is skipped, and the rollback itself is not undone by another one", () => {
  expect(goesBackTo("a", "b", "a", "c")).toBe("a");
  expect(goesBackTo("a", "b", "a")).toBeUndefined();
  expect(goesBackTo("a", "b", "c", "b")).toBe("a");
});

test("a release that came back for good counts again", () => {
  expect(goesBackTo("a", "b", "a", "b", "c")).toBe("b");
});

test("without an earlier release there is nothing to go back to", () => {
  expect(goesBackTo("a")).toBeUndefined();
  expect(previousGood([])).toBeUndefined();
});
