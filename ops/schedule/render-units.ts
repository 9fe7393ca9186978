/** The schedule for a machine of one's own: one start runs all that is due, in order. Pure. */
import { triggersOf } from "./calendar.ts";
import type { Job } from "./job.ts";
import { onCalendar } from "./on-calendar.ts";

/** Where a checkout lies, and which stack it runs jobs of. */
interface Place {
  folder: string;
  stack: string;
}

/** Read by the machine's owner alone: it holds the credentials of every kind. */
const ENVIRONMENT_FILE = "/etc/prism/schedule.env";

const command = (stack: string) => `npm run --silent ops -- schedule run --due --stack ${stack}`;

/**
 * Hourly, at the minutes of its dates: cron's zone, whose clocks change, then does not matter, and a machine that was off catches up. A start
 * when nothing is due takes a second and leaves no trace.
 */
export function renderCrontab(jobs: readonly Job[], { folder, stack }: Place): string {
  const minutes = [...new Set(jobs.map(({ cron }) => cron.split(" ")[0]))].join(",");
  return `# Made by \`ops schedule render crontab\`. What is due when: \`ops schedule list\`.
${minutes} * * * * cd ${shellWord(folder)} && set -a && . ${ENVIRONMENT_FILE} && ${command(stack)}
`;
}

export function renderSystemd(jobs: readonly Job[], { folder, stack }: Place, from_ms: number): Record<string, string> {
  const crons = triggersOf(
    jobs.map(({ cron }) => cron),
    from_ms,
  );
  return {
    "prism-schedule.service": `# Made by \`ops schedule render systemd\`.
[Unit]
Description=Jobs of PRISM that are due
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory=${folder.replaceAll("%", "%%")}
EnvironmentFile=${ENVIRONMENT_FILE}
ExecStart=/usr/bin/env ${command(stack)}
NoNewPrivileges=yes
PrivateTmp=yes
Nice=10
`,
    "prism-schedule.timer": `# Made by \`ops schedule render systemd\`. Starts what it missed while the machine was off.
[Unit]
Description=Times of PRISM's jobs

[Timer]
${crons.map((cron) => `OnCalendar=${onCalendar(cron)}`).join("\n")}
Persistent=true

[Install]
WantedBy=timers.target
`,
  };
}

/** In a crontab \`%\` ends the command. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''").replaceAll("%", "\\%")}'`;
}
