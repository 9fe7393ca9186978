/**
 * Prints what failed in vitest's JSON reports, each with the beginning of its message, and then `N passed, N failed, N skipped`,
 * added up: the end of a log is what is read first, and often all that is kept of it. Exit code 1 when one failed, when one was
 * skipped (with STRICT=yes), or when there is nothing to count.
 *
 * A file that cannot be loaded has no tests to fail, and one whose set-up fails has its tests reported as skipped: each
 * counts as one failure.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const MESSAGE_LINES = 12;
const beginning = (text) => text.split("\n").slice(0, MESSAGE_LINES).join("\n    ");

/** @returns {{ passed: number, failures: string[], skipped: number }} */
function count(path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    return { passed: 0, failures: [`There is no test report: ${error.message}`], skipped: 0 };
  }
  const failures = report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(".", name);
    const failed = assertionResults.filter((assertion) => assertion.status === "failed");
    if (failed.length === 0) return status === "failed" ? [`${file}\n    ${beginning(message)}`] : [];
    return failed.map(
      ({ fullName, failureMessages }) => `${file}: ${fullName}\n    ${beginning(failureMessages.join("\n"))}`,
    );
  });
  return { passed: report.numPassedTests, failures, skipped: report.numPendingTests + report.numTodoTests };
}

const counts = process.argv.slice(2).map(count);
const failures = counts.flatMap((one) => one.failures);
const sum = (name) => counts.reduce((total, one) => total + one[name], 0);
const [passed, skipped] = [sum("passed"), sum("skipped")];
for (const failure of failures) console.log(`✗ ${failure}`);
console.log(`${passed} passed, ${failures.length} failed, ${skipped} skipped`);
if (passed === 0 || failures.length > 0 || (skipped > 0 && process.env.STRICT === "yes")) process.exitCode = 1;
