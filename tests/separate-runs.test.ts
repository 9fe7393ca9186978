import { globSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LEFT_TO_ITS_OWN_RUN, leftOut } from "./separate-runs.ts";

const PATHS = [
  "ops/backup/create.test.ts",
  "ops/backup/torture/killed-create-slow.test.ts",
  "ops/backup/restore-slow.test.ts",
  "ops/backup/create-slow.test.ts",
  "infra/program-engine.test.ts",
];

test("a whole run says in one line what it left out, and how to run it", () => {
  expect(leftOut(PATHS, [])).toBe(
    "Not run here: 1 engine file (npm run infra:engine), 1 torture file (npm run backup:torture), " +
      "2 slow files (npm run test:slow)",
  );
});

test("a filtered run names the files that the filter means", () => {
  expect(leftOut(PATHS, ["ops/backup"])?.split(/\n +/)).toEqual([
    "Not run here: 1 torture file (npm run backup:torture): ops/backup/torture/killed-create-slow.test.ts",
    "2 slow files (npm run test:slow -- ops/backup): ops/backup/create-slow.test.ts, ops/backup/restore-slow.test.ts",
  ]);
});

test("nothing is said where nothing is left out", () => {
  expect(leftOut(PATHS, ["worker"])).toBeNull();
  expect(leftOut(PATHS, ["create.test.ts"])).toBeNull();
});

test("what a whole run of CI leaves to a run of its own is there, and so is what stands for it and is not left out itself", () => {
  const cwd = join(import.meta.dirname, "..");
  const left = LEFT_TO_ITS_OWN_RUN.flatMap(({ files }) => globSync(files, { cwd }));
  for (const { files, stands_for_it } of LEFT_TO_ITS_OWN_RUN) {
    expect(globSync(files, { cwd }), files).not.toEqual([]);
    for (const path of stands_for_it.split(", ")) {
      expect(globSync(path, { cwd }), path).toEqual([path]);
      expect(left).not.toContain(path);
    }
  }
});
