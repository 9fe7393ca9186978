/**
 * The commands that a command names in its own words ("Undo: npm run ops -- restore undo"), so that they act where it acted: typed as they are
 * printed, they would act on the stack `local` after one on another stack.
 */
import { COMMANDS } from "../registry.ts";
import { shellWord } from "./shell-word.ts";

/** What the command line says of where a command acts. What the environment says holds for the next command, too, and is left out. */
export interface Whereabouts {
  stack?: string | undefined;
  data?: string | undefined;
  /** Of backups, as it may be written down. */
  repository?: string | undefined;
  /** Files of the keys that open it. */
  key_files?: readonly string[];
}

/** The longest first: a shorter one may be how it begins. */
const PATHS = Object.keys(COMMANDS).sort((one, other) => other.length - one.length);
const NAMED = new RegExp(`\\bnpm run (?:--silent )?ops -- (${PATHS.join("|")})(?![\\w-])`, "g");
/** The platform that a command misses is the one over its data folder. */
const START = /\bnpm start\b(?! --)/g;
/** Commands that read a repository of backups, wherever it is. */
const OF_BACKUPS = /^(?:backup .*|restore (?:plan|apply|document|table)|drill|vacuum|cleanup|audit verify)$/;
/** Where what is said of one command ends. */
const CLAUSE_END = /[;\n]|\bnpm run /;

/** `text` with these flags behind each command in it that has none of its own. */
export function addressed(text: string, { stack, data, repository, key_files = [] }: Whereabouts): string {
  const started = data === undefined ? text : text.replaceAll(START, `npm start -- --data ${shellWord(data)}`);
  return started.replaceAll(NAMED, (named: string, path: string, at: number) => {
    const behind = started.slice(at + named.length).split(CLAUSE_END, 1)[0] ?? "";
    // One that is to be made gets keys of its own.
    const keys = behind.includes("--init ") ? [] : key_files;
    const ofBackups = OF_BACKUPS.test(path)
      ? [["repository", repository], ...keys.map((file) => ["key-file", file])]
      : [];
    const missing = [["stack", stack], ["data", data], ...ofBackups].flatMap(([name, value]) =>
      value === undefined || behind.includes(`--${name} `) ? [] : [`--${name} ${shellWord(value)}`],
    );
    return [named, ...missing].join(" ");
  });
}

/** Fields of outputs that say what to do. */
const ADVICE: ReadonlySet<string> = new Set(["hint", "remedy", "try", "fix"]);

/** For `JSON.stringify` of an output: the same in the fields that say what to do, and in nothing that others wrote. */
export function addressedAdvice(where: Whereabouts): (name: string, value: unknown) => unknown {
  return (name, value) => (typeof value === "string" && ADVICE.has(name) ? addressed(value, where) : value);
}
