/** The secrets of a local stack: in the data folder, which only its owner may read. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SECRETS } from "../../infra/inventory.ts";
import { writeWhole } from "../../infra/write-whole.ts";
import { type ConfigValues, notSet } from "../../ops/stack/config-values.ts";
import type { SecretChange } from "../../ops/stack/driver.ts";
import { platformFile } from "../../ops/stack/platform-file.ts";

const identityFile = z.looseObject({ secrets: z.record(z.string(), z.string()) });

/** The installation's own secrets; the program gets those that are set. */
export function secretsOf(dataDir: string): ConfigValues {
  const { secrets } = readIdentity(dataDir);
  return Object.fromEntries(SECRETS.flatMap((name) => (secrets[name] ? [[name, secrets[name]]] : [])));
}

/** @throws OpsError where a secret that is to be swapped is not set. */
export function changeLocalSecret(dataDir: string, change: SecretChange): void {
  const identity = readIdentity(dataDir);
  const secrets = { ...identity.secrets };
  if (change.kind === "set") secrets[change.name] = change.value;
  if (change.kind === "remove") secrets[change.name] = "";
  if (change.kind === "swap") {
    const [one, other] = change.names;
    const [was, becomes] = [secrets[one] ?? "", secrets[other] ?? ""];
    if (was === "" || becomes === "") throw notSet(was === "" ? one : other);
    secrets[one] = becomes;
    secrets[other] = was;
  }
  write(join(dataDir, "identity.json"), { ...identity, secrets });
}

/** After a deployment: commands find the stack by the platform's file, which must tell the secret that serves now. */
export function announceSecret(dataDir: string): void {
  const path = join(dataDir, "platform.json");
  const announced = platformFile.parse(JSON.parse(readFileSync(path, "utf8")));
  const { API_SECRET: api_secret } = readIdentity(dataDir).secrets;
  if (api_secret && api_secret !== announced.api_secret) write(path, { ...announced, api_secret });
}

function readIdentity(dataDir: string): z.infer<typeof identityFile> {
  return identityFile.parse(JSON.parse(readFileSync(join(dataDir, "identity.json"), "utf8")));
}

function write(path: string, content: object): void {
  writeWhole(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
}
