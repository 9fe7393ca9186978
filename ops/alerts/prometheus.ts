/** Alert rules as Prometheus takes them, over the names of `/metrics`. Pure. */
import { stringify } from "yaml";
import { METRICS } from "../../worker/alerts/metrics.ts";
import type { AlertRule, Clause } from "../../worker/alerts/rule.ts";

export interface Rendered {
  text: string;
  /** Ids of the rules whose metrics Prometheus does not have. */
  left_out: string[];
}

/** A clause's metric in PromQL, without the comparison; null where Prometheus does not see it. */
export function expressionOf({ metric, window_min }: Pick<Clause, "metric" | "window_min">): string | null {
  return METRICS[metric].promql?.(`${window_min}m`) ?? null;
}

/** https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ */
export function prometheusRules(rules: readonly AlertRule[]): Rendered {
  const left_out: string[] = [];
  const rendered = rules.flatMap((rule) => {
    const expr = conditionOf(rule);
    if (expr === null) {
      left_out.push(rule.id);
      return [];
    }
    return {
      alert: rule.id,
      expr,
      ...(rule.for_min === 0 ? {} : { for: `${rule.for_min}m` }),
      ...(rule.resolve.after_min === 0 ? {} : { keep_firing_for: `${rule.resolve.after_min}m` }),
      labels: { severity: rule.severity, route: rule.channels },
      annotations: { summary: rule.summary, runbook: `runbooks/${rule.runbook}.md` },
    };
  });
  const document = stringify({ groups: [{ name: "prism", rules: rendered }] }, { lineWidth: 0 });
  const comment = `# Rendered by \`ops alerts render prometheus\`. PRISM alone evaluates: ${left_out.join(", ")}.\n`;
  return { text: `${comment}${document}`, left_out };
}

function conditionOf({ condition, dedup }: AlertRule): string | null {
  if (!("all" in condition)) return null;
  const clauses = condition.all.map((clause) => {
    const expression = expressionOf(clause);
    return expression === null ? null : `(${expression}) ${clause.is} ${clause.value}`;
  });
  if (clauses.includes(null)) return null;
  // Sides of one label set: what is summed up has those that every side has.
  const shared = dedup.filter((label) => condition.all.every(({ metric }) => hasLabel(metric, label)));
  return clauses.join(dedup.length === 0 ? " and " : ` and on (${shared.join(", ")}) `);
}

function hasLabel(metric: Clause["metric"], label: string): boolean {
  const labels: readonly string[] = METRICS[metric].labels;
  return labels.includes(label);
}
