/**
 * The only reader of configuration: what a stack is told, checked before anything is declared.
 *
 * Every error names the key and the command that sets it. Names and bindings are not configuration: they are in
 * `inventory.ts`. Secrets stay Pulumi outputs; their text is never a plain string here.
 */
import * as pulumi from "@pulumi/pulumi";
import { parseConfig } from "./config-schema.ts";
import { SECRETS, type SecretName } from "./inventory.ts";

const PROJECT = "prism";
const prism = new pulumi.Config(PROJECT);

const result = parseConfig(pulumi.getStack(), ownKeys(), encryptedKeys(), Date.now());
if (!result.ok) throw new pulumi.RunError(result.problems.join("\n"));
for (const warning of result.warnings) pulumi.log.warn(warning);

/** The stack's configuration. */
export const { stack, config } = result;

/** Values of the secrets, by the names under which they are bound; empty where they are optional and not set. */
export const secrets = Object.fromEntries(
  SECRETS.map((key) => [key, prism.getSecret(key) ?? pulumi.secret("")]),
) as Record<SecretName, pulumi.Output<string>>;

/** The project's own keys without their prefix. Values are text, or JSON where they are structured. */
function ownKeys(): Record<string, string> {
  const prefix = `${PROJECT}:`;
  return Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig()).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    ),
  );
}

/** Which of them are encrypted in the stack's file; null where the engine does not tell (policy packs, tests). */
function encryptedKeys(): ReadonlySet<string> | null {
  const keys = process.env.PULUMI_CONFIG_SECRET_KEYS;
  if (keys === undefined) return null;
  return new Set((JSON.parse(keys) as string[]).map((key) => key.slice(PROJECT.length + 1)));
}
