/**
 * The schedule as a workflow of GitHub Actions. One job asks what is due; each job of the schedule is one of the workflow's, in its order, with
 * the credentials of its own kind and nothing else: no Pulumi, no state, no right to the repository but to read it. Pure.
 */
import { triggersOf } from "./calendar.ts";
import { credentialsOf } from "./credentials.ts";
import type { Job } from "./job.ts";

/** The longest a job of a hosted runner may take. https://docs.github.com/en/actions/reference/limits */
const MINUTES_MAX = 360;
/** For checkout, installation and heartbeats. */
const MINUTES_AROUND = 15;

const PIN = /uses: (actions\/(?:checkout|cache)@[0-9a-f]{40} # v[\d.]+)/g;

/**
 * @param ci the workflow `ci.yml`, whose actions this one takes, pinned as they are there.
 * @param from_ms since when its triggers are to meet every date.
 */
export function renderGithub(jobs: readonly Job[], stack: string, ci: string, from_ms: number): string {
  const [checkout = "", cache = ""] = [...new Set([...ci.matchAll(PIN)].map(([, action = ""]) => action))];
  const crons = triggersOf(
    jobs.map(({ cron }) => cron),
    from_ms,
  );
  const steps = `      - uses: ${checkout}
        with:
          persist-credentials: false
      - uses: ${cache}
        with:
          path: ~/.npm
          key: npm-\${{ runner.os }}-\${{ hashFiles('package-lock.json') }}
          restore-keys: npm-\${{ runner.os }}-
      - run: npm ci`;
  const ops = (words: string) => `npm run --silent ops -- ${words} --stack ${stack}`;
  return `# Made by \`npm run generate\` from ops/schedule/jobs.ts; docs/schedule.md says which secrets it takes. Times are UTC.
name: ops-schedule
on:
  schedule:
${crons.map((cron) => `    - cron: "${cron}"`).join("\n")}
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: ops-schedule
  cancel-in-progress: false
env:
  # The address of the service. A repository that runs none has no such variable, and nothing is due there.
  PRISM_URL: \${{ vars.PRISM_URL }}
jobs:
  due:
    if: vars.PRISM_URL != ''
    runs-on: ubuntu-24.04
    timeout-minutes: ${MINUTES_AROUND}
    outputs:
      jobs: \${{ steps.due.outputs.jobs }}
    steps:
${steps}
      - id: due
        env:
          PRISM_API_SECRET: \${{ secrets.PRISM_KEY_OPS }}
        run: |
          ${ops("schedule due --json")} > due.json
          jq --raw-output '"jobs=" + ([.due[].job] | tojson)' due.json >> "$GITHUB_OUTPUT"
${jobs.map((job) => jobOf(job, steps, ops(`schedule run ${job.id} --due`), stack)).join("\n")}
`;
}

function jobOf(job: Job, steps: string, command: string, stack: string): string {
  const { id, summary, after, needs, time_limit_s } = job;
  const minutes = Math.min(Math.ceil(time_limit_s / 60) + MINUTES_AROUND, MINUTES_MAX);
  const conditions = [
    "!cancelled()",
    `contains(fromJSON(needs.due.outputs.jobs || '[]'), '${id}')`,
    ...needs.map((need) => `needs.${need}.result != 'failure'`),
  ];
  // Of the one step alone: what installs packages has no business with them.
  const secrets = Object.entries(credentialsOf(job)).map(
    ([name, kept]) => `          ${name}: \${{ secrets.${kept} }}`,
  );
  const isReport = job.commands.some((words) => words.includes("{out}"));
  const summarise = `
      - if: \${{ !cancelled() }}
        run: cat .prism/schedule/${stack}/${id}/*/*.md >> "$GITHUB_STEP_SUMMARY"`;
  return `  ${id}:
    name: ${JSON.stringify(summary)}
    needs: [${["due", ...after, ...needs].join(", ")}]
    if: \${{ ${conditions.join(" && ")} }}
    runs-on: ubuntu-24.04
    timeout-minutes: ${minutes}
    steps:
${steps}
      - run: ${command}
        env:
${secrets.join("\n")}${isReport ? summarise : ""}`;
}
