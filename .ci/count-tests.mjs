/**
 * Prints `N passed, N failed, N skipped` from vitest's JSON reports, added up. Exit code 1 when one failed, when one was skipped (with
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

const counts = process.argv.slice(2).map(count);
const sum = (name) => counts.reduce((total, one) => total + one[name], 0);
const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (passed === 0 || failed > 0 || (skipped > 0 && process.env.STRICT === "yes")) process.exitCode = 1;
