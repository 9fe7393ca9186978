/** `ops backup key`: who may read a repository and who may add to it. No part is written anew for it. */
import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { EXIT, OpsError, type Reason } from "../../command/errors.ts";
import { confirm, type Invocation, type Outcome, perform } from "../../command/invocation.ts";
import { recordAction } from "../../command/journal.ts";
import { table } from "../../command/output.ts";
import { patientStorage } from "../../storage/patient-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import { claimedId, keyAtHand } from "../keys-at-hand.ts";
import { type RepositoryOptions, withRepositoryOptions } from "../open.ts";
import { locateRepository } from "../place.ts";
import { loadConfiguration } from "../repository/configuration.ts";
import { keyAdministration } from "../repository/key-administration.ts";
import { type BackupKey, formatKey } from "../repository/key-file.ts";

interface KeyOptions extends RepositoryOptions {
  out?: string;
  recipient?: string;
  yes?: boolean;
}

interface Opened {
  storage: Storage;
  key: BackupKey;
}

const EXAMPLES = `
Examples:
  npm run ops -- backup key list
  npm run ops -- backup key add-writer ci --out ./ci-key.json --key-file ./escrow.json
  npm run ops -- backup key add-reader auditor --recipient age1… --key-file ./escrow.json
Changes need the escrowed key. Removing a reader closes what is written from now on; what it could read before it may have kept.
JSON: {repository, readers: [{name, recipient}], writers: [{name}], passphrases: [{name}]}; of a change {repository, change, name, file}`;

export function registerBackupKey(backup: Command): void {
  const group = backup.command("key").description("who may read a repository, and who may add to it");
  const verb = (words: string, description: string) =>
    withRepositoryOptions(group.command(words)).description(description).addHelpText("after", EXAMPLES);
  const changing = (
    words: string,
    description: string,
    change: (keys: Keys, name: string, options: KeyOptions) => Promise<BackupKey | null>,
  ) =>
    verb(`${words} <name>`, description).action((name: string, options: KeyOptions, command: Command) =>
      perform(command, (invocation) =>
        withKeys(invocation, options, async (opened) => {
          const made = await change(keyAdministration(opened.storage, opened.key, invocation.signal), name, options);
          return await changed(invocation, opened, { change: words, name, made, out: options.out });
        }),
      ),
    );

  verb("list", "readers, writers and passphrases").action((options: KeyOptions, command: Command) =>
    perform(command, (invocation) => withKeys(invocation, options, (opened) => list(invocation, opened))),
  );
  changing("add-reader", "a key that can restore", async (keys, name, { recipient, out }) => {
    if (recipient === undefined) needsOut(out);
    return await keys.addReader(name, recipient);
  })
    .option("--recipient <age1…>", "the reader's own public key; without it a pair is made")
    .option("--out <file>", "where the new key file goes");
  changing("add-writer", "a key that can back up, and read nothing back", async (keys, name, { out }) => {
    needsOut(out);
    return await keys.addWriter(name);
  }).option("--out <file>", "where the new key file goes");
  changing(
    "add-passphrase",
    "the key at hand, behind PRISM_BACKUP_PASSPHRASE, into the repository",
    async (keys, name) => {
      await keys.addPassphrase(name, passphrase(process.env));
      return null;
    },
  );
  changing("remove-passphrase", "take it out of the repository", async (keys, name) => {
    await keys.removePassphrase(name);
    return null;
  });
  verb("remove-reader <name>", "close new content to it")
    .option("--yes", "do not ask")
    .action((name: string, options: KeyOptions, command: Command) =>
      perform(command, (invocation) =>
        withKeys(invocation, options, async (opened) => {
          await confirm(invocation, { op: "remove", subject: `reader ${name}` }, options.yes === true);
          await keyAdministration(opened.storage, opened.key, invocation.signal).removeReader(name);
          return await changed(invocation, opened, { change: "remove-reader", name, made: null, out: undefined });
        }),
      ),
    );
}

type Keys = ReturnType<typeof keyAdministration>;

async function withKeys(
  { target, data_dir, signal }: Invocation,
  options: KeyOptions,
  work: (opened: Opened) => Promise<Outcome>,
): Promise<Outcome> {
  const place = await locateRepository(options.repository, target, process.env);
  try {
    const storage = patientStorage(place.storage);
    const id = await claimedId(storage, signal);
    if (id === null)
      throw usage(
        "change keys of",
        storage.location,
        "there is no repository",
        "npm run ops -- backup create",
        "no-repository",
      );
    const given = { key_files: options.keyFile ?? [], data_dir, env: process.env, signal };
    return await work({ storage, key: await keyAtHand(storage, id, given) });
  } finally {
    place.close();
  }
}

async function list({ terminal, signal }: Invocation, { storage, key }: Opened): Promise<Outcome> {
  const { config } = await loadConfiguration(storage, key, signal);
  const rows = [
    ...config.readers.map(({ name, recipient }) => ({ name, may: "read", as: recipient })),
    ...config.writers.map(({ name, signer }) => ({ name, may: "back up", as: signer })),
    ...config.retired.map(({ name, signer }) => ({ name, may: "nothing any more", as: signer })),
    ...config.passphrases.map(({ name }) => ({ name, may: "be opened by its passphrase", as: "" })),
  ];
  const { repository, readers, writers, passphrases } = config;
  return {
    data: { repository, readers, writers, passphrases: passphrases.map(({ name }) => ({ name })) },
    text: table(
      rows,
      [
        { title: "key", value: ({ name }) => name },
        { title: "may", value: ({ may }) => may },
        { title: "known as", value: ({ as }) => as },
      ],
      terminal,
    ),
  };
}

async function changed(
  { stack, data_dir }: Invocation,
  { key }: Opened,
  { change, name, made, out }: { change: string; name: string; made: BackupKey | null; out: string | undefined },
): Promise<Outcome> {
  if (made !== null && out !== undefined) await writeFile(out, formatKey(made), { mode: 0o600, flag: "wx" });
  const detail = { repository: key.repository, change, name };
  await recordAction(data_dir, { stack, action: "backup key", outcome: "done", detail }, Date.now());
  const file = made === null ? null : (out ?? null);
  return {
    data: { ...detail, file },
    text: `${change} ${name}: done${file === null ? "" : `, its key is in ${file}`}.`,
  };
}

function needsOut(out: string | undefined): asserts out is string {
  if (out === undefined) throw usage("make", "a key", "it has nowhere to go", "--out FILE, a new file");
}

function passphrase({ PRISM_BACKUP_PASSPHRASE }: NodeJS.ProcessEnv): string {
  if (PRISM_BACKUP_PASSPHRASE) return PRISM_BACKUP_PASSPHRASE;
  throw usage("add", "a passphrase", "it is not in the environment", "export PRISM_BACKUP_PASSPHRASE=…");
}

function usage(op: string, subject: string, cause: string, hint: string, reason?: Reason): OpsError {
  return new OpsError({ op, subject, cause, hint, reason }, { exit_code: EXIT.usage });
}
