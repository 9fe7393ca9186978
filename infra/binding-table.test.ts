import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bindingRows, withBindingTable } from "./binding-table.ts";

const README = readFileSync(join(import.meta.dirname, "README.md"), "utf8");

test("infra/README.md has the bindings of the inventory (npm run generate)", () => {
  expect(withBindingTable(README)).toBe(README);
});

test("the files that declare them exist", () => {
  for (const { declared } of bindingRows()) expect(existsSync(join(import.meta.dirname, declared))).toBe(true);
});

test("a README that lost the place of the table is refused", () => {
  expect(() => withBindingTable("# infra")).toThrow(/README.md lacks/);
});
