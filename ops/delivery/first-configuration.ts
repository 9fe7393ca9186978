/** A stack's first configuration: what it lacks, and filling it in. Secrets go to Pulumi on stdin and are nowhere else. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { OPTIONAL_SECRETS, SECRETS, type SecretName, type Stack } from "../../infra/inventory.ts";
import { SECRET_BYTES } from "../limits.ts";
import type { PulumiEngine } from "../stack/pulumi-engine.ts";

const stackFile = z.object({
  encryptionsalt: z.string().optional(),
  config: z.record(z.string(), z.unknown()).default({}),
});

export interface ConfigurationGaps {
  /** What the file says, where it says something. */
  account_id: string | null;
  expires: string | null;
  missing_secrets: SecretName[];
  /** Whether secrets of this file can be opened by a passphrase: it was made by an initialised stack. */
  has_salt: boolean;
}

/** What a stack's file in `folder` lacks. */
export function configurationGaps(folder: string, stack: Stack): ConfigurationGaps {
  const path = join(folder, `Pulumi.${stack}.yaml`);
  const { config, encryptionsalt } = stackFile.parse(existsSync(path) ? (parse(readFileSync(path, "utf8")) ?? {}) : {});
  const text = (key: string) => {
    const value = config[`prism:${key}`];
    return value === undefined ? null : String(value);
  };
  return {
    account_id: text("accountId"),
    expires: text("tokensExpire"),
    missing_secrets: SECRETS.filter((name) => !OPTIONAL_SECRETS.has(name) && config[`prism:${name}`] === undefined),
    has_salt: encryptionsalt !== undefined,
  };
}

/** Whether the engine's state has the stack already. */
export async function stackExists(engine: PulumiEngine): Promise<boolean> {
  return engine.run(["stack", "export"]).then(
    () => true,
    () => false,
  );
}

/** Fills in what is missing; what is there stays. */
export async function configure(
  engine: PulumiEngine,
  gaps: ConfigurationGaps,
  values: { account_id: string; expires: string; plan: "free" | "paid" },
): Promise<void> {
  const set = (key: string, value: string) => engine.run(["config", "set", "--plaintext", `prism:${key}`, value]);
  if (gaps.account_id === null) await set("accountId", values.account_id);
  if (gaps.expires === null) await set("tokensExpire", values.expires);
  await set("plan", values.plan);
  for (const name of gaps.missing_secrets) {
    const input = randomBytes(SECRET_BYTES).toString("base64url");
    await engine.run(["config", "set", "--secret", `prism:${name}`], { input });
  }
}
