/** Cron triggers of the Worker. `ops deploy` reads them back, for they have gone missing after deployments. */
import { WorkersCronTrigger } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { stack } from "./config.ts";
import { cronsOf, SERVICE } from "./inventory.ts";
import { worker, workerDeployment } from "./worker.ts";

export const crons = cronsOf(stack);

new WorkersCronTrigger(
  `${SERVICE}-crons`,
  { accountId, scriptName: worker.name, schedules: crons.map((cron) => ({ cron })) },
  { dependsOn: [workerDeployment] },
);
