/** Reading and changing a stack's configuration by path, in the stack's file and in the local stack's overlay alike. */
import { existsSync, readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { z } from "zod";
import { SECRETS, type SecretName } from "../../infra/inventory.ts";
import { writeWhole } from "../../infra/write-whole.ts";
import { isObject } from "../../worker/ground/json.ts";
import { type OpsError, refusal } from "../command/errors.ts";
import type { ConfigPath, SecretChange } from "./driver.ts";

/** Keys without the project's prefix. */
export type ConfigValues = Record<string, unknown>;
type ConfigChanges = Readonly<Record<ConfigPath, unknown>>;

const PREFIX = "prism:";
const SECRET_NAMES: ReadonlySet<string> = new Set(SECRETS);
const stackFile = z.object({ config: z.record(z.string(), z.unknown()).default({}) });

/** The value at a path; undefined where there is none, and for secrets. */
export function valueAt(values: ConfigValues, path: ConfigPath): unknown {
  const keys = path.split(".");
  if (SECRET_NAMES.has(keys[0] ?? "")) return undefined;
  return keys.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), values);
}

/** The values with the changes made. @throws OpsError for a secret, whose way into a stack is another. */
export function withChanges(values: ConfigValues, changes: ConfigChanges): ConfigValues {
  return Object.entries(changes).reduce((changed, [path, value]) => {
    refuseSecret(path);
    return withValue(changed, path.split("."), value);
  }, values);
}

/** The project's keys of `Pulumi.<stack>.yaml`, secrets left out. Empty when there is no such file. */
export function readConfigFile(file: string): ConfigValues {
  if (!existsSync(file)) return {};
  const { config } = stackFile.parse(parseDocument(readFileSync(file, "utf8")).toJS() ?? {});
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) => {
      const name = key.slice(PREFIX.length);
      return key.startsWith(PREFIX) && !SECRET_NAMES.has(name) ? [[name, value]] : [];
    }),
  );
}

/**
 * Changes `Pulumi.<stack>.yaml`, whole or not at all, and keeps the rest of it, comments included. Secrets move as they are: what they are
 * encrypted with does not depend on their names.
 */
export function changeConfigFile(
  file: string,
  changes: ConfigChanges,
  secret?: Exclude<SecretChange, { kind: "set" }>,
): void {
  const document = parseDocument(existsSync(file) ? readFileSync(file, "utf8") : "config: {}\n");
  const at = (name: SecretName) => ["config", `${PREFIX}${name}`];
  if (secret?.kind === "remove") document.deleteIn(at(secret.name));
  if (secret?.kind === "swap") {
    const [one, other] = secret.names;
    const [was, becomes] = [document.getIn(at(one)), document.getIn(at(other))];
    if (was === undefined || becomes === undefined) throw notSet(was === undefined ? one : other);
    document.setIn(at(one), becomes);
    document.setIn(at(other), was);
  }
  for (const [path, value] of Object.entries(changes)) {
    refuseSecret(path);
    const [key = "", ...inside] = path.split(".");
    const at = ["config", `${PREFIX}${key}`, ...inside];
    if (value === undefined) document.deleteIn(at);
    else document.setIn(at, value);
  }
  writeWhole(file, document.toString());
}

/** Every value as Pulumi hands it to a program: text, structures as JSON. */
export function asProgramConfig(values: ConfigValues): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      `${PREFIX}${key}`,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  );
}

function withValue(values: ConfigValues, [key = "", ...inside]: readonly string[], value: unknown): ConfigValues {
  const { [key]: before, ...others } = values;
  if (inside.length > 0) {
    const nested = withValue(isObject(before) ? before : {}, inside, value);
    return { ...others, [key]: nested };
  }
  return value === undefined ? others : { ...others, [key]: value };
}

function refuseSecret(path: ConfigPath): void {
  const [key = ""] = path.split(".");
  if (!SECRET_NAMES.has(key)) return;
  throw refusal({
    op: "configure",
    subject: path,
    cause: "a secret never goes through plain configuration",
    hint: `openssl rand -base64 32 | pulumi config set --secret ${PREFIX}${key}`,
  });
}

export function notSet(name: SecretName): OpsError {
  return refusal({
    op: "configure",
    subject: name,
    cause: "it is not set",
    hint: "npm run ops -- secrets rotate tells what was begun",
  });
}
