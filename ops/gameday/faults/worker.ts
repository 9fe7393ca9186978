/** Faults of the Worker itself and of its deployments. */

import type { Fault } from "../fault.ts";
import { deployRelease } from "../scripts.ts";

export const WORKER_FAULTS: readonly Fault[] = [
  {
    id: "worker-throwing",
    what: "a release throws at every request",
    alert: "worker-dead",
    also: ["change-deploy"],
    runbook: "complete-outage",
    inject: async ({ account, served }) =>
      void (await deployRelease(account, served(), 'throw new Error("game day: a release that throws");')),
  },
  {
    id: "bad-deployment",
    what: "a release fails one search in three",
    alert: "error-rate",
    also: [
      "change-deploy",
      "availability",
      "slo-availability-fast",
      "slo-availability-quick",
      "slo-availability-steady",
      "slo-availability-slow",
      "user-errors",
    ],
    runbook: "high-error-rate",
    inject: async ({ account, served }) =>
      void (await deployRelease(
        account,
        served(),
        'if (new URL(request.url).pathname === "/api/v1/search" && Math.random() < 1 / 3) env = { ...env, DB: undefined };',
      )),
  },
];
