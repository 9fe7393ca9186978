/** What the steps of runbooks call: commands of ops, and routes of the service. Pure. */
import type { Command } from "../ops/command/define.ts";
import { ownFlags } from "../ops/command/define.ts";
import { flagName, flagsOf } from "../ops/command/flags.ts";
import { RISKS, type Risk } from "../ops/runbook/attributes.ts";
import type { Exception } from "./tidy-code.ts";

export interface HttpCall {
  method: string;
  path: string;
  /** Names of the fields in its query. */
  query: string[];
}

/** Words of a shell's command, quotes taken off; what the shell would put in is `$`. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g)].map(([word]) => word);
  return words.map((word) => word.replaceAll(/["']/g, "").replaceAll(/\$\{?\w+(?::?[-+][^}]*)?\}?/g, "$"));
}

/** The commands in a step's text, one a line, without what connects them. */
function linesOf(commands: string): string[] {
  const plain = commands.replaceAll(/\$\(((?!npm|curl)[^()]*)\)/g, "$$");
  return plain.replaceAll(/\\\n\s*/g, " ").split(/\n|&&|\|\|?|;|\$\(|\)/);
}

/** Words after `npm run ops --` of each call in a step. */
export function opsCalls(commands: string): string[][] {
  return linesOf(commands).flatMap((line) => {
    const [, rest] = /npm run (?:--silent )?ops -- (.*)$/.exec(line.trim()) ?? [];
    return rest === undefined ? [] : [wordsOf(rest.replace(/\s\d?>.*$/, ""))];
  });
}

/** Requests to the service in a step. */
export function httpCalls(commands: string): HttpCall[] {
  return linesOf(commands.replaceAll(/'[^']*'/g, "''")).flatMap((line) => {
    const [, path, fields = ""] = /\$\{?PRISM_URL\}?(\/[^\s"?]*)(?:\?([^\s"]*))?/.exec(line) ?? [];
    if (path === undefined || !/\bcurl\b/.test(line)) return [];
    const [, named] = /(?:-X|--request)[ =]?([A-Z]+)/.exec(line) ?? [];
    return [
      {
        method: named ?? (/\s(-d|--data\S*)\s/.test(line) ? "POST" : "GET"),
        path,
        query: [...new URLSearchParams(fields).keys()],
      },
    ];
  });
}

/** What is wrong with the words of a call; null where the command takes them. */
export function flawOfCall(
  words: readonly string[],
  commands: ReadonlyMap<string, Command>,
  ofAll: ReadonlySet<string>,
): string | null {
  const path = pathOf(words, commands);
  const command = commands.get(path ?? "");
  if (path === undefined || command === undefined) return `there is no command ${words.slice(0, 2).join(" ")}`;
  const flags = flagsOf(command.options);
  const known = new Set([...ofAll, ...ownFlags(command)]);
  let given = 0;
  const rest = words.slice(path.split(" ").length);
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at] ?? "";
    // Behind it a hyphen begins no option.
    if (word === "--") {
      given += rest.length - at - 1;
      break;
    }
    if (!word.startsWith("--")) {
      given += 1;
      continue;
    }
    if (!known.has(word)) return `${path} has no ${word}`;
    const flag = flags.find(({ key }) => flagName(key) === word);
    if (flag?.kind === "switch" || ["--yes", "--dry-run", "--json", "--verbose"].includes(word)) continue;
    const value = rest[++at];
    if (value === undefined) return `${path}: ${word} has no value`;
    if (flag?.choices && !value.includes("$") && !flag.choices.includes(value))
      return `${path}: ${word} is not ${value}`;
  }
  const args = flagsOf(command.args);
  const least = args.filter(({ required }) => required).length;
  const most = args.some(({ kind }) => kind === "list") ? Number.POSITIVE_INFINITY : args.length;
  const missing = flags.find(({ key, required }) => required && !rest.includes(flagName(key)));
  if (missing !== undefined) return `${path} needs ${flagName(missing.key)}`;
  return given < least || given > most ? `${path} takes ${least} to ${most} arguments, not ${given}` : null;
}

/** As the description of the service has it. */
interface Operation {
  parameters?: readonly { in: string; name: string }[];
}

/** What is wrong with the risk that a step declares, by which a person is asked and `--auto` is held: what it calls may do no more. */
export function flawOfRisk(
  risk: Risk,
  words: readonly string[],
  commands: ReadonlyMap<string, Pick<Command, "risk">>,
): string | null {
  const path = pathOf(words, commands);
  const own = words.includes("--dry-run") ? "read" : (commands.get(path ?? "")?.risk ?? "read");
  return RISKS.indexOf(own) <= RISKS.indexOf(risk) ? null : `is declared ${risk}, and ${path} is ${own}`;
}

function pathOf(words: readonly string[], commands: ReadonlyMap<string, unknown>): string | undefined {
  return [3, 2, 1].map((count) => words.slice(0, count).join(" ")).find((candidate) => commands.has(candidate));
}

/** What is wrong with a request; null where it is one that the description of the service has. */
export function flawOfRequest(
  { method, path, query }: HttpCall,
  paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>,
): string | null {
  const found = Object.entries(paths).find(([template, methods]) => {
    const pattern = template
      .split(/\{[^}]+\}/)
      .map((part) => part.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&"))
      .join("[^/]+");
    return new RegExp(`^${pattern}$`).test(path) && method.toLowerCase() in methods;
  });
  if (found === undefined) return `no route ${method} ${path}`;
  const { parameters = [] } = found[1][method.toLowerCase()] ?? {};
  const unknown = query.find((field) => !parameters.some((one) => one.in === "query" && one.name === field));
  return unknown === undefined ? null : `${method} ${path} has no field ${unknown} in its query`;
}

/** Steps that call neither a command nor a route of the service. */
export const CALLS_OTHERS: readonly Exception[] = [
  { id: "ai-unavailable/ask-upstream", reason: "the OpenAI-compatible server of the operator is asked itself" },
  { id: "dependency-vulnerability/explain", reason: "npm alone knows who brought a package" },
];
