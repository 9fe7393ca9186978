/** Which credentials a job gets: those of its own kind, and no other. */
import type { Environment } from "../command/invocation.ts";
import type { Job } from "./job.ts";

/** The variables that the job's commands read, each with the name under which whoever runs the schedule keeps its value. */
export function credentialsOf({ token, key, repository_key }: Job): Record<string, string> {
  return {
    ...(token === null ? {} : { CLOUDFLARE_API_TOKEN: `PRISM_TOKEN_${token.toUpperCase()}` }),
    PRISM_API_SECRET: `PRISM_KEY_${key.toUpperCase()}`,
    ...(repository_key === null ? {} : { PRISM_BACKUP_KEY: `PRISM_BACKUP_KEY_${repository_key.toUpperCase()}` }),
  };
}

/** Whatever else looks like a secret is not a job's business. */
const SECRET = /TOKEN|SECRET|PASSPHRASE|PASSWORD|(^|_)KEY(_|$)|^AWS_|^PULUMI_/i;
/** Where the repository is and with what it opens, apart from the key. */
const OF_REPOSITORY = /^PRISM_BACKUP_(KEY_FILE|PASSPHRASE|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)$/;

/** The environment of a job's commands. A value under the variable's own name serves every job that needs it. */
export function environmentOf(job: Job, env: Environment): Record<string, string> {
  const harmless = Object.entries(env).filter(
    ([name]) => !SECRET.test(name) || (job.repository_key !== null && OF_REPOSITORY.test(name)),
  );
  const own = Object.entries(credentialsOf(job)).map(([variable, kept]) => [variable, env[kept] ?? env[variable]]);
  return Object.fromEntries([...harmless, ...own].filter((entry): entry is [string, string] => entry[1] !== undefined));
}
