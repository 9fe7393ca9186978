import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { expect, test } from "vitest";

const WORKER = import.meta.dirname;

/** From the map in the README, lowest first: rooms end with a slash, files stand alone. */
const ORDER = (/^Lowest first: ([\s\S]*?)\.$/m.exec(readFileSync(join(WORKER, "README.md"), "utf8"))?.[1] ?? "")
  .split("·")
  .map((level) => [...level.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));

function levelOf(path: string): number {
  return ORDER.findIndex((names) => names.some((name) => (name.endsWith("/") ? path.startsWith(name) : path === name)));
}

const sources = readdirSync(WORKER, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !/\.(test|fixture)\.ts$/.test(path));

test("every file of the Worker lies in a room of the README's map", () => {
  expect(ORDER.length).toBeGreaterThan(10);
  expect(sources.filter((path) => levelOf(path) === -1)).toEqual([]);
});

test("no file imports from a room above its own, not even a type", () => {
  const upward = sources.flatMap((path) =>
    [...readFileSync(join(WORKER, path), "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)]
      .map(([, specifier = ""]) => posix.join(dirname(path), specifier))
      .filter((target) => !target.startsWith("..") && levelOf(target) > levelOf(path))
      .map((target) => `${path} imports ${target}`),
  );
  expect(upward).toEqual([]);
});

test("operations know nothing of HTTP, and neither does what they stand on, but for the schemas and security", () => {
  const highest = levelOf("operations/search.ts");
  const web = sources
    .filter((path) => levelOf(path) <= highest && !/^(schemas|security)\//.test(path))
    .filter((path) => /from "(hono|@hono\/(?!zod-openapi))/.test(readFileSync(join(WORKER, path), "utf8")));
  expect(web).toEqual([]);
});
