/** `ops migrate list`, `apply`, `revert`: the database's migrations by themselves; `ops deploy` runs them as part of a release. */
import type { Command } from "commander";
import { type Migration, readMigrations } from "../../infra/migration-files.ts";
import { mainVersion } from "../cloudflare/worker-versions.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import { confirm, type GlobalOptions, type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { recordAction } from "../command/journal.ts";
import { table } from "../command/output.ts";
import type { D1Connection } from "../d1/connection.ts";
import { liveDatabase, openStack, type StackAccess } from "../stack/delivery.ts";
import { appliedMigrations, applyMigration, revertMigration } from "./ledger.ts";
import { type Deployed, planMigrations } from "./plan.ts";

interface ChangeOptions {
  dryRun: boolean;
  yes: boolean;
}

export function registerMigrate(program: Command): void {
  const group = program
    .command("migrate")
    .description("the database's migrations: what has run, what waits, ways back");
  group
    .command("list")
    .description("which have run, which are pending, which wait for another deployment")
    .addHelpText(
      "after",
      `\nJSON: {stack, deployed_schema, migrations: [{name, phase, state: "applied"|"pending"|"waits"|"unknown", reason}]}`,
    )
    .action((_: object, command: Command) => perform(command, list));
  for (const [verb, description, run] of [
    ["apply", "run what is pending and may run now, oldest first", apply],
    ["revert", "take the newest one back by its written way", revert],
  ] as const) {
    group
      .command(verb)
      .description(description)
      .option("--dry-run", "say what would run, change nothing", false)
      .option("--yes", "confirm", false)
      .addHelpText(
        "after",
        `
Each migration runs whole or not at all, with its record, after a rehearsal on an empty copy of the live schema.
Exit code 3: not confirmed, or the deployed version stands in the way.
JSON: {stack, dry_run, ${verb === "apply" ? "applied" : "reverted"}: [name]}`,
      )
      .action((options: ChangeOptions, command: Command) =>
        perform(command, async (invocation) => {
          const open = await openMigrations(invocation);
          const names = await run(open, options, invocation);
          const done = verb === "apply" ? "applied" : "reverted";
          if (names.length > 0 && !options.dryRun)
            await recordAction(
              command.optsWithGlobals<GlobalOptions>().data,
              { stack: open.stack.target.stack, action: `migrate ${verb}`, outcome: "done", detail: { [done]: names } },
              Date.now(),
            );
          const text =
            names.length === 0
              ? "Nothing to do."
              : `${options.dryRun ? "Would be" : "Were"} ${done}: ${names.join(", ")}`;
          return { data: { stack: open.stack.target.stack, dry_run: options.dryRun, [done]: names }, text };
        }),
      );
  }
}

interface OpenMigrations {
  stack: StackAccess;
  database: D1Connection;
  files: Migration[];
  /** Oldest first. */
  applied: string[];
  deployed: Deployed;
}

async function openMigrations(invocation: Invocation): Promise<OpenMigrations> {
  const stack = await openStack(invocation);
  const database = await liveDatabase(stack);
  const [live] = await stack.versions.deployments();
  const deployed: Deployed = live
    ? { kind: "version", schema: (await stack.versions.version(mainVersion(live))).schema }
    : { kind: "nothing" };
  return { stack, database, files: readMigrations(), applied: await appliedMigrations(database), deployed };
}

async function list(invocation: Invocation): Promise<Outcome> {
  const { stack, files, applied, deployed } = await openMigrations(invocation);
  const plan = planMigrations(files, new Set(applied), deployed);
  const migrations = [
    ...files.map(({ name, phase }) => {
      const pending = plan.pending.find((entry) => entry.name === name);
      const state = pending === undefined ? "applied" : pending.action === "apply" ? "pending" : "waits";
      return { name, phase, state, reason: pending?.reason ?? "" };
    }),
    ...plan.unknown.map((name) => ({ name, phase: "", state: "unknown", reason: "not in this checkout" })),
  ];
  return {
    data: {
      stack: stack.target.stack,
      deployed_schema: deployed.kind === "version" ? deployed.schema : null,
      migrations,
    },
    text: table(
      migrations,
      [
        { title: "migration", value: ({ name }) => name },
        { title: "phase", value: ({ phase }) => phase },
        { title: "state", value: ({ state }) => state },
        { title: "", value: ({ reason }) => reason },
      ],
      invocation.terminal,
    ),
  };
}

async function apply(open: OpenMigrations, options: ChangeOptions, invocation: Invocation): Promise<string[]> {
  const { files, applied, deployed, database } = open;
  const { pending } = planMigrations(files, new Set(applied), deployed);
  for (const { name, reason } of pending.filter(({ action }) => action === "wait"))
    invocation.note(`${name} waits: ${reason}`);
  const ready = files.filter(({ name }) => pending.some((entry) => entry.name === name && entry.action === "apply"));
  const names = ready.map(({ name }) => name);
  if (options.dryRun || names.length === 0) return names;
  await confirm(
    invocation,
    { op: "apply to the database of", subject: `${open.stack.target.stack}: ${names.join(", ")}` },
    options.yes,
  );
  for (const migration of ready) await applyMigration(database, migration);
  return names;
}

async function revert(open: OpenMigrations, options: ChangeOptions, invocation: Invocation): Promise<string[]> {
  const { files, applied, deployed, database } = open;
  const name = applied.at(-1);
  if (name === undefined) return [];
  const refuse = (cause: string, hint: string) =>
    new OpsError({ op: "take back migration", subject: name, cause, hint }, { exit_code: EXIT.refused });
  const migration = files.find((file) => file.name === name);
  if (!migration) throw refuse("this checkout does not hold it", "check out the release that brought it");
  if (deployed.kind === "version" && (deployed.schema === null || deployed.schema >= name))
    throw refuse(
      deployed.schema === null
        ? "the deployed version does not say which schema it needs"
        : `the deployed version was made for ${deployed.schema} and needs it`,
      "deploy a release from before it first (npm run ops -- rollback)",
    );
  if (options.dryRun) return [name];
  await confirm(invocation, { op: "take back, with the data it holds, migration", subject: name }, options.yes);
  await revertMigration(database, migration);
  return [name];
}
