/** `ops deps unused`: what knip finds of files, exports and dependencies that nobody uses. */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import { table } from "../command/output.ts";
import { DEPS_STEP_MAX_MS } from "../limits.ts";
import { shellWith } from "../programs.ts";
import { ROOT } from "../stack/pulumi-engine.ts";

/** What knip's reporter says of a file: lists by kind of problem. */
const told = z.object({ issues: z.array(z.looseObject({ file: z.string() })) });
const named = z.looseObject({ name: z.string() });
const unused = z.strictObject({ kind: z.string(), name: z.string(), file: z.string() });

export const depsUnused = defineCommand({
  path: "deps unused",
  group: "delivery",
  summary: "files, exports and dependencies that nobody uses, as knip finds them",
  notes: "Exceptions, each with its reason, are in knip.config.ts. Exit code 1: something is unused.",
  risk: "read",
  output: z.strictObject({ ok: z.boolean(), unused: z.array(unused) }),
  examples: ["deps unused", "deps unused --json"],
  async run({ env, signal, terminal }) {
    const shell = shellWith({ cwd: ROOT, env: { ...env }, signal, timeout: DEPS_STEP_MAX_MS });
    const { stdout, stderr } = await shell`npx --no-install knip --reporter json`;
    signal.throwIfAborted();
    const answer = z
      .string()
      .transform((text) => JSON.parse(text) as unknown)
      .pipe(told)
      .safeParse(stdout.trim().split("\n").at(-1) || "null");
    if (!answer.success)
      throw new OpsError({
        op: "run",
        subject: "knip",
        cause: stderr.trim().split("\n").at(-1) || "it gave no report",
        hint: "npm ci, then npm run unused shows it",
      });
    const found = answer.data.issues.flatMap(({ file, ...kinds }) =>
      Object.entries(kinds).flatMap(([kind, list]) => {
        const items = z.array(named).safeParse(list).data ?? [];
        return items.map(({ name }) => ({ kind, name, file }));
      }),
    );
    const ok = found.length === 0;
    const drawn = table(terminal, found, [
      { title: "kind", value: ({ kind }) => kind },
      { title: "name", value: ({ name }) => name },
      { title: "file", value: ({ file }) => file },
    ]);
    return {
      data: { ok, unused: found },
      text: ok ? "Nothing is unused." : drawn,
      exit_code: ok ? EXIT.done : EXIT.check_failed,
    };
  },
});
