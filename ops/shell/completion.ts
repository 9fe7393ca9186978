/** `ops completion bash|zsh`: a script that completes commands and options, made of the registry. It asks no process, so Tab does not wait. */
import { z } from "zod";
import { type Command, defineCommand, ownFlags } from "../command/define.ts";
import { flagsOf } from "../command/flags.ts";

const GLOBAL_FLAGS = ["--stack", "--data", "--json", "--json-schema", "--timeout", "--verbose", "--help"];

/** The command that completes all commands, itself among them: the registry hands them over, and knows this one. */
export const completionOf = (allCommands: () => Promise<Command[]>): Command =>
  defineCommand({
    path: "completion",
    group: "shell",
    summary: "print a script that lets Tab complete `ops`, which stands for `npm run --silent ops --`",
    notes: 'Load it from the repository: eval "$(npm run --silent ops -- completion bash)", or zsh.',
    risk: "read",
    args: z.object({ shell: z.enum(["bash", "zsh"]).describe("the shell that reads it") }),
    output: z.strictObject({ shell: z.enum(["bash", "zsh"]), script: z.string() }),
    examples: ["completion bash", "completion zsh"],
    async run(_, { shell }) {
      const script = completionScript(nextWords(await allCommands()), shell);
      return { data: { shell, script }, text: script };
    },
  });

/** What may come after each beginning of a command line: the words of the next step, or the options of a whole command. */
function nextWords(commands: readonly Command[]): Map<string, Set<string>> {
  const next = new Map<string, Set<string>>();
  const add = (after: string, words: readonly string[]) =>
    next.set(after, new Set([...(next.get(after) ?? []), ...words]));
  for (const command of commands) {
    const words = command.path.split(" ");
    for (const [index, word] of words.entries()) add(words.slice(0, index).join(" "), [word]);
    const choices = flagsOf(command.args).flatMap((argument) => argument.choices ?? []);
    add(command.path, [...choices, ...ownFlags(command), ...GLOBAL_FLAGS]);
  }
  return next;
}

/** zsh reads bash's completions by `bashcompinit`; `path` would be its search path. */
function completionScript(next: ReadonlyMap<string, ReadonlySet<string>>, shell: "bash" | "zsh"): string {
  const cases = [...next].map(([after, words]) => `    "${after}") words="${[...words].join(" ")}" ;;`);
  return `${shell === "zsh" ? "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n" : ""}ops() { npm run --silent ops -- "$@"; }
_ops() {
  local command="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "|${[...next.keys()].join("|")}|" in
      *"|\${command:+$command }$word|"*) command="\${command:+$command }$word" ;;
    esac
  done
  case "$command" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _ops ops`;
}
