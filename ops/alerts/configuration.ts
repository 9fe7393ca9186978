/** The configuration of alerts where the Worker and the watchdog read it: in KV, through Cloudflare's API, so that a dead Worker is no hindrance. */
import { z } from "zod";
import { type AlertConfiguration, alertConfiguration, CONFIGURATION_KEY } from "../../worker/alerts/configuration.ts";
import { jsonIn } from "../../worker/ground/json.ts";
import { unlessGone } from "../cloudflare/failures.ts";
import { OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { openStack } from "../stack/delivery.ts";

interface ConfigurationPlace {
  read(): Promise<AlertConfiguration | null>;
  write(configuration: AlertConfiguration): Promise<void>;
}

const HINT = "npm run ops -- alerts configure FILE puts one there; docs/alerts.md shows one";

/** @throws OpsError when the stack cannot be found. */
export async function configurationPlace(invocation: Invocation): Promise<ConfigurationPlace> {
  const { client, account_id, target } = await openStack(invocation);
  const namespace_id = (await target.resources()).kv.config;
  const { values } = client.kv.namespaces;
  const place = { account_id, namespace_id };
  return {
    async read() {
      const stored = await unlessGone(values.get(CONFIGURATION_KEY, place));
      return stored && checked(jsonIn(await stored.text()), "the configuration in KV");
    },
    async write(configuration) {
      await values.update(CONFIGURATION_KEY, { ...place, value: JSON.stringify(configuration) });
    },
  };
}

/** @throws OpsError where there is none. */
export async function configurationInUse(invocation: Invocation): Promise<AlertConfiguration> {
  const configuration = await (await configurationPlace(invocation)).read();
  if (configuration !== null) return configuration;
  throw new OpsError({ op: "read", subject: "the configuration of alerts", cause: "there is none yet", hint: HINT });
}

/** @throws OpsError naming each field that is wrong. */
export function checked(content: unknown, subject: string): AlertConfiguration {
  const result = alertConfiguration.safeParse(content);
  if (result.success) return result.data;
  const flaws = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  throw new OpsError({ op: "read", subject, cause: flaws, hint: HINT }, { error: z.prettifyError(result.error) });
}
