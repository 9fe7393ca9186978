/**
 * The commands that a command names in its own words ("Undo: npm run ops -- restore undo"), so that they act where it acted: typed as they are
 * printed, they would act on the stack `local` after one on another stack.
 */
import { COMMANDS } from "../registry.ts";

/** What the command line says of where a command acts. What the environment says holds for the next command, too, and is left out. */
export interface Whereabouts {
  stack?: string | undefined;
  data?: string | undefined;
}

/** The longest first: a shorter one may be how it begins. */
const PATHS = Object.keys(COMMANDS).sort((one, other) => other.length - one.length);
const NAMED = new RegExp(`\\bnpm run (?:--silent )?ops -- (?:${PATHS.join("|")})(?![\\w-])`, "g");
/** Where what is said of one command ends. */
const CLAUSE_END = /[;\n]|\bnpm run /;

/** `text` with these flags behind each command in it that has none of its own. */
export function addressed(text: string, { stack, data }: Whereabouts): string {
  if (stack === undefined && data === undefined) return text;
  return text.replaceAll(NAMED, (named, at: number) => {
    const behind = text.slice(at + named.length).split(CLAUSE_END, 1)[0] ?? "";
    const flags = [
      ...(stack === undefined || behind.includes("--stack ") ? [] : ["--stack", stack]),
      ...(data === undefined || behind.includes("--data ") ? [] : ["--data", quoted(data)]),
    ];
    return [named, ...flags].join(" ");
  });
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
