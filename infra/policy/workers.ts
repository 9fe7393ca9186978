/** Workers can be observed, carry no secret in plain text, and keep to the plan. */
import type { Policies } from "@pulumi/policy";
import { SECRETS } from "../inventory.ts";
import { PLANS, type Plan } from "../limits.ts";

const WORKER = "cloudflare:index/worker:Worker";
const VERSION = "cloudflare:index/workerVersion:WorkerVersion";
const CRONS = "cloudflare:index/workersCronTrigger:WorkersCronTrigger";

const SECRET_NAMES: ReadonlySet<string> = new Set(SECRETS);
/** Names under which people put secrets. */
const SECRET_LIKE = /(SECRET|TOKEN|PASSWORD|PEPPER|PRIVATE|CREDENTIAL|(^|_)KEY)(_|$)/;

export function workerPolicies(plan: Plan): Policies {
  return [
    {
      name: "workers-are-observed",
      description: "A Worker keeps its logs, whole.",
      enforcementLevel: "mandatory",
      validateResource: ({ type, name, props }, report) => {
        if (type !== WORKER) return;
        const { enabled, headSamplingRate = 1, logs = {} } = props.observability ?? {};
        // Which of the two counts Cloudflare does not say.
        const kept = Math.min(headSamplingRate, logs.headSamplingRate ?? 1);
        if (enabled !== true || logs.enabled !== true)
          report(`${name} has no observability: nobody could say what went wrong in it. Enable it with its logs.`);
        else if (logs.persist === false)
          report(`${name} only exports its logs: \`ops logs\` and the reports would find none. Keep them as well.`);
        else if (kept < 1)
          report(`${name} keeps ${kept * 100} % of its logs: an error may be in the rest. Keep all of them.`);
      },
    },
    {
      name: "secrets-are-secret",
      description: "What is secret is bound as `secret_text`.",
      enforcementLevel: "mandatory",
      validateResource: ({ type, name, props }, report) => {
        if (type !== VERSION) return;
        for (const binding of (props.bindings ?? []) as { type: string; name: string }[])
          if (
            (binding.type === "plain_text" || binding.type === "json") &&
            (SECRET_NAMES.has(binding.name) || SECRET_LIKE.test(binding.name))
          )
            report(
              `${name} binds ${binding.name} as ${binding.type}, which anybody with read access sees: use secret_text.`,
            );
      },
    },
    {
      name: "crons-are-within-the-plan",
      description: "An account has a limited number of cron triggers.",
      enforcementLevel: "mandatory",
      validateStack: ({ resources }, report) => {
        const count = resources
          .filter(({ type }) => type === CRONS)
          .reduce((sum, { props }) => sum + (props.schedules ?? []).length, 0);
        const { crons_max } = PLANS[plan];
        if (count > crons_max)
          report(`${count} cron triggers are declared, the ${plan} plan has ${crons_max} an account: remove some.`);
      },
    },
    {
      name: "cpu-limits-need-a-paid-plan",
      description: "The free plan refuses `limits.cpu_ms`.",
      enforcementLevel: "mandatory",
      validateResource: ({ type, name, props }, report) => {
        if (type === VERSION && props.limits?.cpuMs !== undefined && !PLANS[plan].cpu_limit)
          report(`${name} has a CPU limit, which the ${plan} plan refuses: remove prism:cpuMs.`);
      },
    },
  ];
}
