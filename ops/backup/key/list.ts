/** `ops backup key list` */
import { z } from "zod";
import { defineCommand } from "../../command/define.ts";
import { table } from "../../command/output.ts";
import { repositoryOptions, withKeyedPlace } from "../open.ts";
import { Configuration, loadConfiguration } from "../repository/configuration.ts";

const { repository, readers, writers } = Configuration.shape;

export const backupKeyList = defineCommand({
  path: "backup key list",
  group: "backup",
  summary: "list readers, writers and passphrases of a repository",
  risk: "read",
  options: repositoryOptions,
  output: z.strictObject({
    repository,
    readers,
    writers,
    /** Writers that were removed. */
    retired: writers,
    passphrases: z.array(z.strictObject({ name: z.string() })),
  }),
  examples: ["backup key list", "backup key list --key-file ./escrow.json --json"],
  run(invocation, options) {
    return withKeyedPlace(invocation, options, null, async ({ patient, key }) => {
      const { config } = await loadConfiguration(patient, key, invocation.signal);
      const rows = [
        ...config.readers.map(({ name, recipient }) => ({ name, may: "read", as: recipient })),
        ...config.writers.map(({ name, signer }) => ({ name, may: "back up", as: signer })),
        ...config.retired.map(({ name, signer }) => ({ name, may: "nothing any more", as: signer })),
        ...config.passphrases.map(({ name }) => ({ name, may: "be opened by its passphrase", as: "" })),
      ];
      const text = table(invocation.terminal, rows, [
        { title: "key", value: ({ name }) => name },
        { title: "may", value: ({ may }) => may },
        { title: "known as", value: ({ as }) => as },
      ]);
      const { repository, readers, writers } = config;
      const retired = config.retired.map(({ name, signer }) => ({ name, signer }));
      const passphrases = config.passphrases.map(({ name }) => ({ name }));
      return { data: { repository, readers, writers, retired, passphrases }, text };
    });
  },
});
