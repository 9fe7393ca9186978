/** The tests that `npm test` leaves out, because they take minutes or a Pulumi engine, and what says so at its end. */
import { globSync } from "node:fs";
import { matchesGlob } from "node:path";
import { parseCLI, type Reporter } from "vitest/node";

/** A file belongs to the first that matches. */
export const SEPARATE_RUNS = {
  engine: { files: "**/*-engine.test.ts", command: "npm run infra:engine" },
  /** Whole commands killed at each of their writes, or given faults: for the night. */
  torture: { files: "**/{killed-*,faulty-commands}-slow.test.ts", command: "npm run backup:torture" },
  slow: { files: "**/*-slow.test.ts", command: "npm run test:slow" },
};

/**
 * Slow files whose mechanism another file goes through as well: a whole `.ci/run` on one machine leaves them to `.ci/run slow`, which
 * has a machine of its own in CI, and to the night.
 */
export const LEFT_TO_ITS_OWN_RUN = [
  {
    files: "ops/backup/torture/*-slow.test.ts",
    stands_for_it: "ops/backup/snapshot/take.test.ts, ops/backup/create-slow.test.ts, ops/restore/resume-slow.test.ts",
  },
  {
    files: "ops/backup/repository/c*-slow.test.ts",
    stands_for_it: "ops/backup/prune-slow.test.ts, ops/restore/ways-slow.test.ts",
  },
  { files: "ops/generation/{cancel,expired}-slow.test.ts", stands_for_it: "ops/generation/generation-slow.test.ts" },
  { files: "ops/index/rebuild-slow.test.ts", stands_for_it: "ops/generation/generation-slow.test.ts" },
  { files: "ops/convert/bombs-slow.test.ts", stands_for_it: "ops/convert/convert-file.test.ts" },
  { files: "ops/restore/any-document-slow.test.ts", stands_for_it: "ops/restore/ordinary-document-slow.test.ts" },
  { files: "ops/restore/way-out-slow.test.ts", stands_for_it: "ops/restore/ways-slow.test.ts" },
  { files: "ops/restore/no-way-back-slow.test.ts", stands_for_it: "ops/restore/disaster-slow.test.ts" },
];

/**
 * What to say of the test files at `paths` (from the root) that are left out; null when there are none.
 *
 * @param filters as given to vitest: a file is meant when its path holds one of them. Only then are files named.
 */
export function leftOut(paths: readonly string[], filters: readonly string[]): string | null {
  const meant = paths.filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)));
  const runs = Object.entries(SEPARATE_RUNS);
  const kindOf = (path: string) => runs.find(([, { files }]) => matchesGlob(path, files))?.[0];
  const parts = runs.flatMap(([kind, { command }]) => {
    const own = meant.filter((path) => kindOf(path) === kind).sort();
    if (own.length === 0) return [];
    const count = `${own.length} ${kind} file${own.length === 1 ? "" : "s"}`;
    if (filters.length === 0) return [`${count} (${command})`];
    // The torture names its files itself, and takes no filter.
    const call = kind === "torture" ? command : `${command} -- ${filters.join(" ")}`;
    return [`${count} (${call}): ${own.join(", ")}`];
  });
  return parts.length === 0 ? null : `Not run here: ${parts.join(filters.length === 0 ? ", " : "\n              ")}`;
}

/** Ends the report of `npm test`. */
export const leftOutReporter: Reporter = {
  onTestRunEnd() {
    const root = `${process.cwd()}/`;
    const { filter } = parseCLI(["vitest", ...process.argv.slice(2)]);
    const paths = globSync("*/**/*.test.ts", { exclude: (path) => path === "node_modules" });
    const said = leftOut(
      paths,
      filter.map((part) => part.replace(root, "").replace(/^\.\//, "")),
    );
    if (said !== null) console.log(`\n${said}`);
  },
};
