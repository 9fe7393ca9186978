import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { packed, startRegistry } from "./registry.fixture.ts";
import { planRenewal, renew } from "./renew.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-deps-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("what passes is a commit on the branch, what fails is put back, and the working tree is not touched", async () => {
  const names = ["witness-a", "witness-b"];
  const tarballs = new Map<string, Buffer>();
  for (const name of names)
    for (const version of ["1.0.0", "1.1.0"]) tarballs.set(`${name} ${version}`, await packed(folder, name, version));
  const registry = await startRegistry(
    () => ["1.0.0", "1.1.0"],
    (name, version) => tarballs.get(`${name} ${version}`) ?? null,
  );
  const project = mkdtempSync(join(folder, "project-"));
  const who = { GIT_AUTHOR_NAME: "t", GIT_AUTHOR_EMAIL: "t@t", GIT_COMMITTER_NAME: "t", GIT_COMMITTER_EMAIL: "t@t" };
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    npm_config_registry: registry.url,
    npm_config_cache: join(folder, "cache"),
    ...who,
  };
  const run = async (program: string, ...words: string[]) =>
    (await promisify(execFile)(program, words, { cwd: project, env })).stdout.trim();
  try {
    writeFileSync(
      join(project, "package.json"),
      JSON.stringify({
        name: "p",
        version: "1.0.0",
        type: "module",
        dependencies: { "witness-a": "1.0.0", "witness-b": "1.0.0" },
      }),
    );
    writeFileSync(join(project, "renovate.json"), JSON.stringify({ minimumReleaseAge: "7 days", packageRules: [] }));
    writeFileSync(join(project, ".gitignore"), "node_modules\n");
    const source = `import { version } from "witness-b";\nif (version !== "1.0.0") throw new Error("witness-b is another");\n`;
    writeFileSync(join(project, "check.js"), source);
    await run("npm", "install", "--silent", "--no-audit", "--no-fund");
    await run("git", "init", "--quiet", "--initial-branch=main");
    await run("git", "add", "--all");
    await run("git", "commit", "--quiet", "--message", "As it was");
    writeFileSync(join(project, "check.js"), `${source}// not committed\n`);

    const renewal = { folder: project, env, signal: AbortSignal.timeout(120_000), note: () => {} };
    const plan = await planRenewal(renewal, false, Date.parse("2026-03-01T00:00:00Z"));
    expect(plan.before).toBe("2026-02-22T00:00:00.000Z");
    const branch = "deps/2026-03-01";
    const results = await renew(renewal, { ...plan, branch, checks: [["node", "check.js"]] });
    expect(results).toMatchObject([
      { group: "witness-a", result: "renewed", changes: ["witness-a 1.0.0 → 1.1.0"], because: null },
      { group: "witness-b", result: "failed", because: expect.stringContaining("node check.js") },
    ]);
    expect(await run("git", "log", "--format=%s", `main..${branch}`)).toBe("Renew witness-a");
    const renewed = JSON.parse(await run("git", "show", `${branch}:package.json`));
    expect(renewed.dependencies).toEqual({ "witness-a": "1.1.0", "witness-b": "1.0.0" });
    expect(await run("git", "status", "--porcelain")).toBe("M check.js");
    expect(await run("git", "worktree", "list", "--porcelain")).toMatch(
      /^worktree [^\n]+\nHEAD \w+\nbranch refs\/heads\/main$/,
    );
    await expect(renew(renewal, { ...plan, branch, checks: [] })).rejects.toMatchObject({ exit_code: 3 });
  } finally {
    await registry.close();
  }
}, 120_000);
