/**
 * Prints `N passed, N failed, N skipped` from vitest's JSON report. Exit code 1 when one failed, when one was skipped (with
 * STRICT=yes), or when there is nothing to count.
 *
 * A file that cannot be loaded has no tests to fail, and one whose set-up fails has its tests reported as skipped: each
 * counts as one failure.
 */
import { readFileSync } from "node:fs";

/** @returns {{ passed: number, failed: number, skipped: number }} */
function count(path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    console.error(`There is no test report: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((assertion) => assertion.status === "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

const { passed, failed, skipped } = count(process.argv[2]);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (passed === 0 || failed > 0 || (skipped > 0 && process.env.STRICT === "yes")) process.exitCode = 1;
