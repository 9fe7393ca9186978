/** Cron triggers of the Worker. `ops deploy` reads them back, for they have gone missing after deployments. */
import { WorkersCronTrigger } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { stack } from "./config.ts";
import { CRONS, SERVICE } from "./inventory.ts";
import { worker, workerDeployment } from "./worker.ts";

/** Staging keeps its own data in order but shares the account's five triggers with production and the watchdog. */
export const crons: string[] = stack === "staging" ? [CRONS.worker.checks] : Object.values(CRONS.worker);

new WorkersCronTrigger(
  `${SERVICE}-crons`,
  { accountId, scriptName: worker.name, schedules: crons.map((cron) => ({ cron })) },
  { dependsOn: [workerDeployment] },
);
