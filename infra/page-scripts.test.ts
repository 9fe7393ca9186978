import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PAGE_SCRIPTS_PATH, pageScripts } from "./page-scripts.ts";

test("the scripts of the pages are what their sources make (npm run generate)", async () => {
  expect(readFileSync(PAGE_SCRIPTS_PATH, "utf8")).toBe(await pageScripts());
});
