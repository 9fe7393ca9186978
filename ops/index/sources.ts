/** The files of a source: a folder as it lies on disk, or a git repository as it was committed. */
import type { Dirent } from "node:fs";
import { glob, lstat, mkdtemp, opendir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, matchesGlob, relative, resolve, sep } from "node:path";
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

/** A file or folder that is there and cannot be listed: of its documents nothing is known. */
interface Unlisted {
  path: string;
  /** Completes "<path> …". */
  cause: string;
}

export interface Listing {
  /** Sorted by path. */
  files: SourceFile[];
  unlisted: Unlisted[];
}

/** Never documents, whatever the globs say; pruned, because walking them takes longest. */
const PRUNED = new Set([".git", "node_modules"]);
/** No `ext::` and the like: a configuration must not be able to run programs. */
const GIT_SETTINGS = { GIT_TERMINAL_PROMPT: "0", GIT_ALLOW_PROTOCOL: "file:git:http:https:ssh" };

/** Variables that say how a repository is reached, as schedulers and CI set them. Others may say which one it is. */
const GIT_ACCESS = /^GIT_(?:SSH|ASKPASS|SSL_|HTTP_|PROXY_|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)$)/;

/** Of an entry of git's index that is a symbolic link, or a submodule: https://git-scm.com/docs/index-format */
const LINK_MODE = "120000";
const SUBMODULE_MODE = "160000";

/**
 * Calls `work` with the files of a source, without symbolic links; a clone lives as long as `work` runs.
 * @throws OpsError when a repository cannot be cloned, or no file matches: an empty source is a mistake far more
 * often than a wish, and would delete its whole collection.
 */
export async function withSource<T>(
  source: Source,
  options: { cwd: string; signal?: AbortSignal },
  work: (listing: Listing) => Promise<T>,
): Promise<T> {
  if ("folder" in source) {
    const root = resolve(options.cwd, source.folder);
    return work(await checked(source, root, await listFiles(source, root, true)));
  }
  const clone = await mkdtemp(join(tmpdir(), "prism-index-"));
  try {
    const { links, submodules } = await cloneInto(clone, source, options);
    const { files, unlisted } = await listFiles(source, clone, false, submodules);
    return await work(await checked(source, clone, { files: files.filter(({ path }) => !links.has(path)), unlisted }));
  } finally {
    await rm(clone, { recursive: true, force: true });
  }
}

/** Returns the paths of symbolic links and of submodules, whose folders the clone leaves empty. */
async function cloneInto(
  folder: string,
  source: Extract<Source, { git: string }>,
  options: { cwd: string; signal?: AbortSignal },
): Promise<{ links: Set<string>; submodules: Set<string> }> {
  // Only a URL is cloned shallowly, also from this machine. `user@host:path` and `scheme://` are URLs already.
  const url = /^[\w.+-]+(?:@[^/]+)?:/.test(source.git)
    ? source.git
    : pathToFileURL(resolve(options.cwd, source.git)).href;
  const branch = source.ref === undefined ? [] : ["--branch", source.ref];
  // Inside a git hook, variables such as GIT_DIR would turn the clone towards the hook's repository.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_") || GIT_ACCESS.test(name));
  // What went wrong is told in one language.
  const env = { ...Object.fromEntries(inherited), LC_ALL: "C", ...GIT_SETTINGS };
  // Loaded on use: most sources are folders.
  const { shellWith } = await import("../programs.ts");
  const run = shellWith({ env, timeout: GIT_CLONE_TIMEOUT_MS, ...(options.signal && { signal: options.signal }) });
  // Symbolic links arrive as small files that hold their target: nothing outside the clone can be read through them.
  const { exitCode, stderr } =
    await run`git -c core.symlinks=false clone --quiet --depth 1 --single-branch ${branch} -- ${url} ${folder}`;
  if (exitCode === 0) {
    const { stdout } = await run({ nothrow: false })`git -C ${folder} ls-files --stage -z`;
    const entries = stdout.split("\0");
    const pathsOf = (mode: string): Set<string> =>
      new Set(entries.flatMap((entry) => (entry.startsWith(mode) ? [entry.slice(entry.indexOf("\t") + 1)] : [])));
    return { links: pathsOf(LINK_MODE), submodules: pathsOf(SUBMODULE_MODE) };
  }
  throw new OpsError({
    op: "clone",
    subject: source.git,
    cause: toldByGit(stderr) || `git ended with ${exitCode ?? "a signal"}`,
    hint: "check `git` and `ref` in the configuration, and that `git clone` works here without a password prompt",
  });
}

/** What git says of a failure: ssh, the server and git itself have a line each, and the last ones are good advice that names nothing. */
function toldByGit(stderr: string): string {
  const said = stderr.split("\n").map((line) => line.trim());
  const advice =
    /^(?:Cloning into |warning: |hint: |Please make sure you have the correct access|and the repository exists)/;
  return [...new Set(said.filter((line) => line !== "" && !advice.test(line)))].join("; ");
}

/** `submodules`: folders that are empty because their files are another repository's. */
async function listFiles(
  source: Source,
  root: string,
  has_times: boolean,
  submodules: ReadonlySet<string> = new Set(),
): Promise<Listing> {
  const paths = new Set<string>();
  const folders = new Set<string>();
  const pathOf = (entry: Dirent): string =>
    relative(root, resolve(root, entry.parentPath, entry.name))
      .split(sep)
      .join("/");
  const exclude = (entry: Dirent): boolean => {
    if (entry.isDirectory()) folders.add(pathOf(entry));
    return PRUNED.has(entry.name);
  };
  const excluded = source.exclude.map(endingInAnyCase);
  const isWanted = (path: string): boolean => !excluded.some((pattern) => matchesGlob(path, pattern));
  for await (const entry of glob(source.include.map(endingInAnyCase), { cwd: root, withFileTypes: true, exclude }))
    if (entry.isFile() && isWanted(pathOf(entry))) paths.add(pathOf(entry));

  const files: SourceFile[] = [];
  const unlisted: Unlisted[] = [];
  const isLink = linksBelow(root);
  for (const path of [...paths].sort()) {
    const absolute_path = join(root, path);
    try {
      if (await isLink(dirname(path))) continue;
      const { size, mtimeMs } = await lstat(absolute_path);
      files.push({ source, path, absolute_path, size_bytes: size, modified_ms: has_times ? mtimeMs : undefined });
    } catch (error) {
      unlisted.push({ path, cause: whyUnlisted(path, error) });
    }
  }
  // `glob` passes over what it cannot read, and the documents of such a folder would count as deleted.
  for (const path of folders) {
    if (PRUNED.has(path.slice(path.lastIndexOf("/") + 1)) || !isWanted(path) || !isWanted(`${path}/file`)) continue;
    if (submodules.has(path)) {
      unlisted.push({ path, cause: IN_SUBMODULE });
      continue;
    }
    try {
      await (await opendir(join(root, path))).close();
    } catch (error) {
      unlisted.push({ path, cause: whyUnlisted(path, error) });
    }
  }
  return { files, unlisted };
}

/** `*.{md,txt}` finds `README.MD`, too: how a file is read does not ask for the case of its ending either. Other letters stay as they are. */
function endingInAnyCase(pattern: string): string {
  return pattern.replace(/\.(?:\w+|\{[\w,]+\})$/, (ending) =>
    ending.replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`),
  );
}

/** Whether a folder is a link, or below one: `glob` follows those that a pattern names. */
function linksBelow(root: string): (path: string) => Promise<boolean> {
  const known = new Map([[".", Promise.resolve(false)]]);
  const isLink = (path: string): Promise<boolean> => {
    const found =
      known.get(path) ?? lstat(join(root, path)).then((stats) => stats.isSymbolicLink() || isLink(dirname(path)));
    known.set(path, found);
    return found;
  };
  return isLink;
}

/** Node.js shows bytes that are not UTF-8 as U+FFFD, and finds nothing by that name. */
function whyUnlisted(path: string, error: unknown): string {
  if (!isMissing(error)) return cannotBeRead(error);
  return path.includes("\uFFFD") ? "has a name that is not UTF-8; rename it, or exclude it" : VANISHED;
}

const IN_SUBMODULE =
  "is a submodule, whose files are another repository's; name that as a source of its own, or exclude it";
const VANISHED = "vanished while it was read; repeat the update";

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

function cannotBeRead(error: unknown): string {
  return `cannot be read (${error instanceof Error ? error.message : String(error)}); mend that, or exclude it`;
}

/** Why a file that was listed could not be read, completing "<path> …". */
export function whyUnread(error: unknown): string {
  return isMissing(error) ? VANISHED : cannotBeRead(error);
}

/** `glob` finds nothing in a folder that is not there, or cannot be opened. */
async function whyNoFolder(root: string): Promise<string> {
  try {
    await (await opendir(root)).close();
    return "";
  } catch (error) {
    return `: ${(error as Error).message}`;
  }
}

async function checked(source: Source, root: string, listing: Listing): Promise<Listing> {
  if (listing.files.length > 0) return listing;
  const [unlisted] = listing.unlisted;
  const without = source.exclude.length > 0 ? ` without ${source.exclude.join(", ")}` : "";
  throw new OpsError({
    op: "read",
    subject: "git" in source ? source.git : root,
    cause:
      unlisted === undefined
        ? `no file matches ${source.include.join(", ")}${without}${await whyNoFolder(root)}`
        : `no file can be read: ${unlisted.path} ${unlisted.cause}`,
    hint: "correct the source's folder or globs, or take the source out of the configuration",
  });
}
