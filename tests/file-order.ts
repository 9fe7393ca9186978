/** In which order test files begin, so that no long one is left alone at the end. */
import { readFileSync } from "node:fs";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What drives a platform or processes takes seconds and waits; what only calculates fills the end. */
const DRIVES = /startPlatform|startService|\.fixture\.ts"|node:child_process/;

/** vitest's order in each of the two: what took longest, and where nothing was measured yet, what is largest. */
export class FileOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const [driving, others] = [true, false].map((drives) =>
      sorted.filter(({ moduleId }) => DRIVES.test(readFileSync(moduleId, "utf8")) === drives),
    );
    return [...(driving ?? []), ...(others ?? [])];
  }
}
