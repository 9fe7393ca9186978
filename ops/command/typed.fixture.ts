/** For tests: what a person types after `npm run ops -- `, carried out in this process; what the command reports is held to its schema. */
import { z } from "zod";
import type { Answer } from "../../worker/service.fixture.ts";
import { createClient } from "../service/client.ts";
import { locateStack } from "../stack/locate.ts";
import { buildProgram } from "./command-line.ts";
import { invocationOn } from "./invocation.fixture.ts";
import type { Invocation } from "./invocation.ts";

interface Typed {
  code: number;
  text: string;
  /** What `--json` would print. */
  data: Answer["json"];
}

/** The words of a line, as a shell takes them that has nothing to put in. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)];
  return words.map(([word]) => word.replaceAll(/["']/g, ""));
}

/** Carries the line out, confirmed; `over` takes the place of parts of its invocation. @throws what the command throws. */
export async function typed(line: string, over: Partial<Invocation> = {}): Promise<Typed> {
  const words = wordsOf(line);
  let came: Typed | null = null;
  const { program } = await buildProgram(words, process, async (command, { stack, data, dryRun = false }, given) => {
    const { signal } = { ...invocationOn(data), ...over };
    const target = () => locateStack(stack, data, process.env, signal);
    const client = async () => {
      const { url, secret } = await (await target()).service();
      return createClient({ url, token: secret, signal });
    };
    const own = { stack, dry_run: dryRun, target, client, ...over };
    const { data: document, text, stream = [], exit_code = 0 } = await command.run(invocationOn(data, own), given);
    const lines: string[] = [];
    for await (const one of stream) lines.push(one);
    const { error } = command.output.safeParse(document);
    if (error) throw new Error(`ops ${line}: ${z.prettifyError(error)}`);
    came = { code: exit_code, text: [...lines, text].join("\n"), data: JSON.parse(JSON.stringify(document)) };
  });
  await program.parseAsync(words, { from: "user" });
  if (came === null) throw new Error(`ops ${line}: no command was carried out`);
  return came;
}
