/** Whether the account has the plan that the configuration says, before Cloudflare refuses half of an `up`. */
import { log, RunError } from "@pulumi/pulumi";
import { cloudflare, unanswered } from "./cloudflare-api.ts";
import { config, stack } from "./config.ts";

/** Rate plans that bring Workers Paid. Seen in answers of accounts; the SDK's list of ids lacks them. */
const PAID = /^(workers_(?!free)|enterprise|partners_enterprise)/;

/** Throws, with the remedy, when the account lacks the configured plan or Cloudflare does not say; warns when it has more. */
export async function checkPlan(): Promise<void> {
  // The platform on this machine sells nothing.
  if (stack === "local") return;
  const ids: string[] = [];
  try {
    for await (const { rate_plan } of cloudflare.accounts.subscriptions.get({ account_id: config.accountId }))
      if (rate_plan?.id !== undefined) ids.push(rate_plan.id);
  } catch (error) {
    throw unanswered("which plan the account has", "Billing Read", error);
  }
  const paid = ids.some((id) => PAID.test(id));
  if (config.plan === "paid" && !paid)
    throw new RunError(
      "prism:plan is paid, but the account has no Workers Paid subscription: Logpush and CPU limits would be refused. " +
        `Subscribe in Cloudflare's dashboard, or set it with: pulumi config set prism:plan free --stack ${stack}`,
    );
  if (config.plan === "free" && paid)
    await log.warn(
      "The account has Workers Paid and prism:plan is free: Logpush stays off. " +
        `Set it with: pulumi config set prism:plan paid --stack ${stack}`,
    );
}
