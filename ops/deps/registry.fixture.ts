/** For tests: a package registry on this machine, which npm asks as it asks the public one. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

const LONG_AGO = "2020-01-01T00:00:00.000Z";

export interface LocalRegistry {
  url: string;
  close(): Promise<void>;
}

/** `versions`: of each package, the last one being the latest. `tarball`: its bytes, where a test installs something. */
export async function startRegistry(
  versions: (name: string) => readonly string[],
  tarball: (name: string, version: string) => Buffer | null = () => null,
): Promise<LocalRegistry> {
  const server = createServer((request, response) => {
    // It knows of no vulnerability.
    if (request.url?.endsWith("/advisories/bulk")) return response.end("{}");
    const [, name = "", file] =
      /^\/((?:@[^/]+\/)?[^/]+)(?:\/-\/(.+))?$/.exec(decodeURIComponent(request.url ?? "")) ?? [];
    if (file !== undefined) return response.end(tarball(name, /-(\d.*)\.tgz$/.exec(file)?.[1] ?? ""));
    const all = versions(name);
    const known = all.map((version) => {
      const bytes = tarball(name, version);
      const integrity = bytes === null ? undefined : `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
      return [version, { name, version, dist: { tarball: `${url}${name}/-/${name}-${version}.tgz`, integrity } }];
    });
    const body = {
      name,
      "dist-tags": { latest: all.at(-1) },
      versions: Object.fromEntries(known),
      time: Object.fromEntries([...all, "created", "modified"].map((key) => [key, LONG_AGO])),
    };
    return response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A package that says its version, as npm packs it. */
export async function packed(folder: string, name: string, version: string): Promise<Buffer> {
  const place = join(folder, `${name}-${version}`);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "package.json"), JSON.stringify({ name, version, type: "module", main: "index.js" }));
  writeFileSync(join(place, "index.js"), `export const version = ${JSON.stringify(version)};\n`);
  await promisify(execFile)("npm", ["pack", "--silent"], { cwd: place });
  return readFileSync(join(place, `${name}-${version}.tgz`));
}
