/** House rules for names, code and dependencies. Each rule gets the repository's files and returns complaints. Pure. */

/** Text of each file by its path from the root, with `/`. */
export type Tree = ReadonlyMap<string, string>;

/** A place where a rule is broken on purpose: `id` is the path. One that is no longer needed is a complaint, too. */
export interface Exception {
  id: string;
  reason: string;
}

const LINES_MAX = 300;
export const isCode = (path: string) => /\.(ts|js|mjs)$/.test(path);
export const isTest = (path: string) => path.endsWith(".test.ts");

/** Names that say nothing of what is inside, and names in other cases. */
export function names(tree: Tree): string[] {
  return [...tree.keys()].flatMap((path) => {
    const vague = path.split("/").find((part) => /^(utils?|helpers?|common|misc)$/i.test(part.replace(/\..*$/, "")));
    if (vague !== undefined) return [`${path}: "${vague}" names nothing: name the file for the concept that it holds`];
    const file = path.split("/").at(-1) ?? "";
    if (isCode(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.(config|test|fixture))?\.(ts|js|mjs)$/.test(file)) {
      return [`${path}: code files are kebab-case, e.g. \`vector-pack.ts\`, \`vector-pack.test.ts\``];
    }
    return [];
  });
}

/** Files longer than one concern. */
export function lengths(tree: Tree, exceptions: readonly Exception[]): string[] {
  const long = [...tree].flatMap(([path, text]) => {
    const lines = text.split("\n").length - 1;
    return isCode(path) && lines > LINES_MAX ? [{ path, lines }] : [];
  });
  const isExcused = (path: string) => exceptions.some(({ id }) => id === path);
  const idle = exceptions.filter(({ id }) => !long.some(({ path }) => path === id));
  return [
    ...long
      .filter(({ path }) => !isExcused(path))
      .map(
        ({ path, lines }) => `${path}: ${lines} lines. Split off the second thing it does, or give LONG_FILES a reason`,
      ),
    ...idle.map(({ id }) => `${id}: is not over ${LINES_MAX} lines any more: remove it from LONG_FILES`),
  ];
}

interface Ban {
  pattern: RegExp;
  instead: string;
  applies?: (path: string) => boolean;
}

const BANS: readonly Ban[] = [
  { pattern: /@ts-(ignore|nocheck|expect-error)/, instead: "correct the type" },
  {
    pattern: /biome-ignore[- a-z]* lint\/suspicious\/noExplicitAny/,
    instead: "use `unknown` and parse it with zod, or state the type",
  },
  { pattern: /\b(describe|test|it)\.only\b/, instead: "remove `.only`: it hides every other test", applies: isTest },
  {
    pattern: /\b(describe|test|it)\.(skip|todo|fails)\b/,
    instead:
      "repair or delete the test; a machine that lacks something is `skipIf`, with the reason in the test's name",
    applies: isTest,
  },
  {
    pattern: /\bvi\.(mock|doMock|spyOn|fn|stubGlobal|useFakeTimers)\b/,
    instead: "start the real thing (`worker/service.fixture.ts`) and pass `now_ms`; see docs/decisions/0006",
    applies: isTest,
  },
  {
    // Polling a condition (`while (…) await …`) is no fixed wait.
    pattern: /^(?!.*\bwhile\b).*(\bsetTimeout\(|timers\/promises|waitForTimeout)/m,
    instead: "wait for the state itself (`expect.poll`, `vi.waitFor`): a fixed wait is too short on a busy machine",
    applies: isTest,
  },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, instead: "do it, or open an issue", applies: isNotLockfile },
  { pattern: /\.\.\/shared\b/, instead: "the repository stands alone: take the path as an argument" },
  {
    pattern: /(?<=^|[\s"'`(=])\/(work|root|home|Users)(?=[/"'`\s)]|$)/m,
    instead: "no path of one machine: derive it from `import.meta.dirname`, `os.tmpdir()` or an argument",
  },
  {
    pattern: /registry\.(npmjs|yarnpkg)\.|"resolved": "http/,
    instead: "no registry's host: whoever installs has one of their own (.npmrc keeps it out of the lockfile)",
  },
  {
    pattern: /\b(?:hint|remedy)\b.*["'`( ]ops [a-z]/,
    instead: "a command that is advised is one that can be typed: `npm run ops -- …`",
    applies: isCode,
  },
  { pattern: /^(<{7}|>{7}|={7})( |$)/m, instead: "finish the merge" },
];

/** Hashes in a lockfile spell anything. */
function isNotLockfile(path: string): boolean {
  return path !== "package-lock.json";
}

/** Text that must not be in the repository. */
export function bans(tree: Tree, exceptions: readonly Exception[]): string[] {
  return broken(tree, BANS, exceptions, "BANNED_TEXT");
}

const isProgram = (path: string) =>
  /^(ops|infra|local)\//.test(path) && isCode(path) && !/\.(test|fixture)\.ts$/.test(path);

const BY_REASON =
  "decide by `isReason(error, …)`, and give the error a reason where it is thrown (`ops/command/errors.ts`); " +
  "where a foreign program has only words, give FOREIGN_WORDS the reason";

/** Errors that are told apart by what only people read. */
const RECOGNITIONS: readonly Ban[] = [
  { pattern: /\bexit_code\)? *([!=]==|[<>])/, instead: BY_REASON },
  { pattern: /\bparts\)?\.(op|subject|cause|hint) *[!=]==|\bcause *[!=]== *["'`]/, instead: BY_REASON },
  {
    pattern: /\b(cause|hint|message)\)?\??\.(includes|startsWith|endsWith|match|search|indexOf)\(/,
    instead: BY_REASON,
  },
  { pattern: /\.test\([^()\n]*\b(cause|hint|message|String\(error\))\)/, instead: BY_REASON },
].map((ban) => ({ ...ban, applies: isProgram }));

/** Code of ops and infra tells errors apart by their reason. `exceptions`: who must read the words of a foreign program. */
export function reasons(tree: Tree, exceptions: readonly Exception[]): string[] {
  return broken(tree, RECOGNITIONS, exceptions, "FOREIGN_WORDS");
}

const PROGRAMS: readonly Ban[] = [
  {
    pattern: /node:child_process/,
    instead:
      "run it through `$` of zx/core; what must hold the process itself (a channel, a session, an exit hook) gives OWN_PROCESSES its reason",
    applies: isProgram,
  },
  {
    pattern: /import \{ \$.*zx\/core/,
    instead: "`shellWith` of ops/programs.ts, which says where bash is missing",
    applies: (path) => isProgram(path) && path.startsWith("ops/") && path !== "ops/programs.ts",
  },
];

/** Code of ops and infra runs foreign programs in one way. `exceptions`: who needs the process and not only its result. */
export function processes(tree: Tree, exceptions: readonly Exception[]): string[] {
  return broken(tree, PROGRAMS, exceptions, "OWN_PROCESSES");
}

function broken(tree: Tree, rules: readonly Ban[], exceptions: readonly Exception[], list: string): string[] {
  const used = new Set<string>();
  const complaints = [...tree].flatMap(([path, text]) =>
    rules
      .filter(({ applies }) => applies?.(path) ?? true)
      .flatMap(({ pattern, instead }) => {
        const [found] = pattern.exec(text) ?? [];
        if (found === undefined) return [];
        if (!exceptions.some(({ id }) => id === path)) return [`${path}: \`${found.trim()}\`: ${instead}`];
        used.add(path);
        return [];
      }),
  );
  const idle = exceptions.filter(({ id }) => !used.has(id));
  return [...complaints, ...idle.map(({ id }) => `${id}: breaks no rule any more: remove it from ${list}`)];
}

/** Code that comments and documents name in backticks is there; a file by its whole path or by its name alone. */
export function namedFiles(tree: Tree): string[] {
  const paths = [...tree.keys()];
  const isThere = (name: string) =>
    paths.some((path) => path === name || path.endsWith(`/${name}`) || path.startsWith(`${name.replace(/\/$/, "")}/`));
  return [...tree].flatMap(([path, text]) => {
    if (!path.endsWith(".md") && !isCode(path)) return [];
    const prose = path.endsWith(".md") ? text : [...text.matchAll(/^\s*(?:\/?\*|\/\/).*$/gm)].join("\n");
    const named = [
      ...prose.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.(?:ts|mjs|sql|jsonc))`/g),
      ...prose.matchAll(/`((?:infra|worker|ops|runbooks|tests|docs)\/[\w./-]*)`/g),
    ];
    return [...new Set(named.map(([, name = ""]) => name))]
      .filter((name) => !isThere(name))
      .map((name) => `${path}: names \`${name}\`, which does not exist: name what took its place`);
  });
}

/** Dependencies are exact, so that every machine runs the same. */
export function pins(tree: Tree): string[] {
  const manifest = JSON.parse(tree.get("package.json") ?? "{}") as Record<string, Record<string, string> | undefined>;
  return Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json: ${name} "${version}" is not an exact version: npm install -E ${name}`);
}

interface LockedPackage {
  optionalDependencies?: Record<string, string>;
}

/**
 * Every package that a locked one may want on some machine is locked, too: without it `npm ci` refuses the lockfile on all
 * machines. npm leaves out what the registry of the day does not carry (a mirror that lags behind).
 */
export function lockfile(tree: Tree): string[] {
  const { packages } = JSON.parse(tree.get("package-lock.json") ?? '{"packages":{}}') as {
    packages: Record<string, LockedPackage>;
  };
  const isLocked = (from: string, name: string): boolean => {
    if (packages[`${from === "" ? "" : `${from}/`}node_modules/${name}`]) return true;
    return from !== "" && isLocked(from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), name);
  };
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !isLocked(path, name))
      .map(
        ([name, version]) =>
          `package-lock.json: lacks ${name}, so npm ci fails: add "node_modules/${name}" with version ${version}, ` +
          "os, cpu, dev and optional, as its siblings have them (no integrity where the registry lacks it)",
      ),
  );
}
