/** The files of a source: a folder as it lies on disk, or a git repository as it was committed. */
import { glob, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, matchesGlob, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { OpsError } from "../command/errors.ts";
import { GIT_CLONE_TIMEOUT_MS } from "../limits.ts";
import type { Source } from "./config.ts";

export interface SourceFile {
  source: Source;
  /** Relative to the source's root, with `/` on every system. */
  path: string;
  absolute_path: string;
  size_bytes: number;
  /** Time of the last change; undefined in a fresh clone, where it says nothing. */
  modified_ms: number | undefined;
}

/** Never documents, whatever the globs say; pruned, because walking them takes longest. */
const PRUNED = new Set([".git", "node_modules"]);
/** No `ext::` and the like: a configuration must not be able to run programs. */
const GIT_SETTINGS = { GIT_TERMINAL_PROMPT: "0", GIT_ALLOW_PROTOCOL: "file:git:http:https:ssh" };

/**
 * Calls `work` with the files of a source, sorted by path; a clone lives as long as `work` runs.
 * @throws OpsError when a repository cannot be cloned, or no file matches: an empty source is a mistake far more
 * often than a wish, and would delete its whole collection.
 */
export async function withSource<T>(
  source: Source,
  options: { cwd: string; signal?: AbortSignal },
  work: (files: SourceFile[]) => Promise<T>,
): Promise<T> {
  if ("folder" in source) return work(await listFiles(source, resolve(options.cwd, source.folder), true));
  const clone = await mkdtemp(join(tmpdir(), "prism-index-"));
  try {
    await cloneInto(clone, source, options);
    return await work(await listFiles(source, clone, false));
  } finally {
    await rm(clone, { recursive: true, force: true });
  }
}

async function cloneInto(
  folder: string,
  source: Extract<Source, { git: string }>,
  options: { cwd: string; signal?: AbortSignal },
): Promise<void> {
  // Only a URL is cloned shallowly, also from this machine. `user@host:path` and `scheme://` are URLs already.
  const url = /^[\w.+-]+(?:@[^/]+)?:/.test(source.git)
    ? source.git
    : pathToFileURL(resolve(options.cwd, source.git)).href;
  const branch = source.ref === undefined ? [] : ["--branch", source.ref];
  // Inside a git hook, variables such as GIT_DIR would turn the clone towards the hook's repository.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  const env = { ...Object.fromEntries(inherited), ...GIT_SETTINGS };
  // Loaded on use: most sources are folders.
  const { $ } = await import("zx/core");
  const run = $({
    quiet: true,
    nothrow: true,
    env,
    timeout: GIT_CLONE_TIMEOUT_MS,
    ...(options.signal && { signal: options.signal }),
  });
  // Symbolic links arrive as small files that hold their target: nothing outside the clone can be read through them.
  const { exitCode, stderr } =
    await run`git -c core.symlinks=false clone --quiet --depth 1 --single-branch ${branch} -- ${url} ${folder}`;
  if (exitCode === 0) return;
  throw new OpsError({
    op: "clone",
    subject: source.git,
    cause: stderr.trim().split("\n").at(-1) || `git ended with ${exitCode ?? "a signal"}`,
    hint: "check `git` and `ref` in the configuration, and that `git clone` works here without a password prompt",
  });
}

async function listFiles(source: Source, root: string, has_times: boolean): Promise<SourceFile[]> {
  const paths = new Set<string>();
  const exclude = (entry: { name: string }): boolean => PRUNED.has(entry.name);
  for await (const entry of glob(source.include, { cwd: root, withFileTypes: true, exclude })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name)
      .slice(root.length + 1)
      .split(sep)
      .join("/");
    if (!source.exclude.some((pattern) => matchesGlob(path, pattern))) paths.add(path);
  }
  if (paths.size === 0) {
    throw new OpsError({
      op: "read",
      subject: "git" in source ? source.git : root,
      cause: `no file matches ${source.include.join(", ")}${source.exclude.length > 0 ? ` without ${source.exclude.join(", ")}` : ""}`,
      hint: "correct the source's folder or globs, or take the source out of the configuration",
    });
  }
  return Promise.all(
    [...paths].sort().map(async (path) => {
      const absolute_path = join(root, path);
      const { size, mtimeMs } = await stat(absolute_path);
      return { source, path, absolute_path, size_bytes: size, modified_ms: has_times ? mtimeMs : undefined };
    }),
  );
}
