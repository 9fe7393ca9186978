/**
 * npm itself asks; the registry is one on this machine that answers as the public one did for lodash 4.17.4 (advisory GHSA-jf85-cpcp-j695),
 * because not every machine's registry answers audits.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";
import { askNpm, judge, shippedPlaces } from "./npm-audit.ts";

const ADVISORY = {
  id: 1094500,
  url: "https://github.com/advisories/GHSA-jf85-cpcp-j695",
  title: "Prototype Pollution in lodash",
  severity: "critical",
  vulnerable_versions: "<4.17.12",
  cwe: ["CWE-1321", "CWE-20"],
  cvss: { score: 9.1, vectorString: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:H" },
};
const version = (number: string) => ({ name: "lodash", version: number, dist: { tarball: "", shasum: "" } });
const PACKUMENT = {
  name: "lodash",
  "dist-tags": { latest: "4.17.21" },
  versions: { "4.17.4": version("4.17.4"), "4.17.21": version("4.17.21") },
};

const folder = mkdtempSync(join(tmpdir(), "prism-npm-"));
let registry: Server;
let env: Record<string, string>;
beforeAll(async () => {
  registry = createServer((request, response) => {
    const body = request.url?.endsWith("/advisories/bulk") ? { lodash: [ADVISORY] } : PACKUMENT;
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
  const { port } = registry.address() as AddressInfo;
  const packages = {
    "": { name: "witness", version: "1.0.0", dependencies: { lodash: "4.17.4" } },
    "node_modules/lodash": { version: "4.17.4" },
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(packages[""]));
  const lock = { name: "witness", version: "1.0.0", lockfileVersion: 3, requires: true, packages };
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
  env = {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_cache: join(folder, "cache"),
  };
});
afterAll(async () => {
  await new Promise((resolve) => registry.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

test("a package that is known to be vulnerable is told by npm, and an exception holds until its day", async () => {
  const told = await askNpm(folder, env, AbortSignal.timeout(60_000));
  if (!told.asked) throw new Error(told.because);
  const reason = "its input is ours";
  const until = "2026-03-01";
  const at = (day: string, id = "GHSA-jf85-cpcp-j695") =>
    judge(told.report, shippedPlaces(folder), [{ id, reason, until }], Date.parse(day));
  expect(at("2026-02-28T23:59:59Z")).toMatchObject({
    advisories: [
      {
        id: "GHSA-jf85-cpcp-j695",
        package: "lodash",
        severity: "critical",
        range: "<4.17.12",
        places: ["node_modules/lodash"],
        shipped: true,
        exception: { reason, until, ended: false },
      },
    ],
    unused: [],
  });
  expect(at("2026-03-01T00:00:00Z").advisories[0]?.exception?.ended).toBe(true);
  const other = at("2026-02-01", "GHSA-other");
  expect([other.advisories[0]?.exception, other.unused]).toEqual([null, ["GHSA-other"]]);
});

test("a registry that cannot be asked is no clean bill of health", async () => {
  const { code, stdout } = await runCommand(["audit", "dependencies", "--json"], {
    npm_config_registry: "http://127.0.0.1:9/",
    // npm processes of other tests write into the machine's own at this moment.
    npm_config_cache: env.npm_config_cache ?? "",
  });
  expect(code).toBe(4);
  const { because, ...told } = JSON.parse(stdout);
  expect(because).toMatch(/ECONNREFUSED|127\.0\.0\.1:9/);
  expect(told).toMatchObject({ ok: false, asked: false });
});
