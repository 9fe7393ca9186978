/** Faults of what keeps the service safe: jobs, backups, channels. */
import type { Fault } from "../fault.ts";

export const UPKEEP_FAULTS: readonly Fault[] = [
  {
    id: "drill-failed",
    what: "the weekly drill says that the backup does not restore",
    alert: "drill-failed",
    also: ["job-failed"],
    runbook: "failed-backup",
    inject: async ({ admin }) => void (await admin.post("/api/v1/heartbeats/drill", { result: "fail" })),
  },
];
