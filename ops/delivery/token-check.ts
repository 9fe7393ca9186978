/** Whether the API token may read what a delivery works on: asked before anything is planned, all at once. */
import type { Cloudflare } from "../cloudflare/official.ts";
import { asOpsError, EXIT, OpsError } from "../command/errors.ts";

/** @throws OpsError naming every permission that is missing, or the first failure of another kind. */
export async function checkToken(client: Cloudflare, account_id: string): Promise<void> {
  const account = { account_id };
  const page = { ...account, per_page: 10 };
  const answers = await Promise.allSettled([
    client.workers.scripts.list(account),
    client.d1.database.list(page),
    client.kv.namespaces.list(page),
    client.r2.buckets.list(page),
    client.queues.list(account),
    client.vectorize.indexes.list(account),
    client.alerting.policies.list(account),
  ]);
  const errors = answers.flatMap((answer) => (answer.status === "rejected" ? [asOpsError(answer.reason)] : []));
  const other = errors.find(({ status }) => status !== 403);
  if (other) throw other;
  if (errors.length === 0) return;
  const missing = errors.map(({ parts }) => /"([^"]+)"/.exec(parts.hint)?.[1] ?? parts.subject);
  throw new OpsError(
    {
      op: "use the API token on account",
      subject: account_id,
      cause: `it lacks ${missing.join(", ")} (403)`,
      hint: "give it these permissions on this account, or make a token that has them: npm run ops -- bootstrap",
    },
    { exit_code: EXIT.check_failed, status: 403 },
  );
}
