/** Whether Cloudflare has what was just declared. What is wrong is named; nothing is repaired here. */
import { type BindingFacts, workerBindings } from "../../infra/bindings.ts";
import { SECRETS, type Stack } from "../../infra/inventory.ts";
import { liveOf, type StackOutputs } from "../../infra/outputs.ts";
import type { Delivery } from "../stack/delivery.ts";
import { outOfSight } from "./out-of-sight.ts";

const POLICY = /:NotificationPolicy(Webhooks)?$/;

/** Sentences, one for each thing that is not as declared; empty when all is. */
export async function readBack(
  { client, account_id, versions, driver }: Delivery,
  outputs: StackOutputs,
  version_id: string,
): Promise<string[]> {
  const { script } = versions;
  const [unseen, worker, version, variables, drift] = await Promise.all([
    outOfSight({ client, account_id }, outputs),
    client.workers.beta.workers.get(script, { account_id }),
    versions.version(version_id),
    driver.getConfig("variables"),
    driver.drift(),
  ]);
  const logpush = worker.logpush ?? false;
  return [
    ...unseen.map(({ said }) => said),
    ...bindingDifferences(expectedBindings(outputs, (variables ?? {}) as Record<string, string>), version.bindings),
    ...(logpush === outputs.worker.logpush
      ? []
      : [`logpush of ${script} is ${logpush}, declared is ${outputs.worker.logpush}`]),
    ...drift
      .filter(({ type, state }) => POLICY.test(type) && state !== "unchanged")
      .map(
        ({ name, state, changed }) =>
          `notification ${name} is ${state}${changed.length > 0 ? `: ${changed.join(", ")}` : ""}`,
      ),
  ];
}

/** The bindings that a stack's version has by its outputs. Secrets have no value here. */
function expectedBindings(outputs: StackOutputs, variables: BindingFacts["variables"]): Record<string, unknown>[] {
  const { database, vectors, kv, stack } = outputs;
  const facts: BindingFacts = {
    stack: stack satisfies Stack,
    database_id: liveOf(database)?.id ?? "",
    kv_ids: kv,
    vector_generation: vectors.live,
    variables,
    secrets: Object.fromEntries(SECRETS.map((name) => [name, ""])) as BindingFacts["secrets"],
  };
  return workerBindings(facts).map((binding) => ({ ...binding }));
}

/** What differs between bindings by name, as sentences; of a secret only whether it is there. */
export function bindingDifferences(
  expected: readonly Record<string, unknown>[],
  actual: readonly Record<string, unknown>[],
): string[] {
  const byName = (bindings: readonly Record<string, unknown>[]) =>
    new Map(bindings.map((binding) => [String(binding.name), binding]));
  const [wanted, found] = [byName(expected), byName(actual)];
  return [
    ...[...wanted].flatMap(([name, binding]) => {
      const there = found.get(name);
      if (!there) return [`binding ${name} is missing`];
      if (binding.type !== there.type) return [`binding ${name} is of type ${there.type}, declared is ${binding.type}`];
      if (binding.type === "secret_text") return [];
      const wrong = Object.keys(binding).filter((key) => JSON.stringify(binding[key]) !== JSON.stringify(there[key]));
      return wrong.map(
        (key) =>
          `binding ${name} has ${key} ${JSON.stringify(there[key])}, declared is ${JSON.stringify(binding[key])}`,
      );
    }),
    ...[...found.keys()].filter((name) => !wanted.has(name)).map((name) => `binding ${name} is not declared`),
  ];
}
