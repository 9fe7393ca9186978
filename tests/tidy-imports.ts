/** House rules for imports: which room may import which. Pure. */
import { posix } from "node:path";
import { type Exception, isCode, isTest, type Tree } from "./tidy-code.ts";

/** From the ground up: a room imports itself and those before it, types included. */
const FLOORS = ["infra", "worker", "ops", "runbooks"];
/** Where Cloudflare is stood in for. It imports all rooms; of them only tests and the listed commands know it. */
const LOCAL = "local";

/** The room of a file; null for what belongs to none, such as `tests/` and configuration in the root. */
function roomOf(path: string): string | null {
  return [...FLOORS, LOCAL].find((room) => path.startsWith(`${room}/`)) ?? null;
}

function importsOf(path: string, text: string): string[] {
  const statements = text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)"/g);
  return [...new Set([...statements].map(([, to = ""]) => posix.join(posix.dirname(path), to)))];
}

/** Imports that lead up, and those that lead from the product into the platform on this machine. */
export function rooms(tree: Tree, exceptions: readonly Exception[]): string[] {
  const used = new Set<string>();
  const complaints = [...tree].flatMap(([path, text]) => {
    const from = roomOf(path);
    if (!isCode(path) || from === null || from === LOCAL) return [];
    return importsOf(path, text).flatMap((target) => {
      const to = roomOf(target);
      if (to === LOCAL) {
        if (isTest(path) || path.endsWith(".fixture.ts")) return [];
        used.add(path);
        if (exceptions.some(({ id }) => id === path)) return [];
        return [`${path}: imports ${target}: move what both need to infra/, or give KNOWS_LOCAL the reason`];
      }
      if (to === null || FLOORS.indexOf(to) <= FLOORS.indexOf(from)) return [];
      return [`${path}: imports ${target}, a floor up (${FLOORS.join(" < ")}): move what both need to ${from}/`];
    });
  });
  const idle = exceptions.filter(({ id }) => !used.has(id));
  return [...complaints, ...idle.map(({ id }) => `${id}: does not import local any more: remove it from KNOWS_LOCAL`)];
}
