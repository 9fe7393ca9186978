/** All faults, in the order in which they are played: those that leave nothing behind first. */
import type { Fault } from "./fault.ts";
import { BUSINESS_FAULTS } from "./faults/business.ts";
import { DATABASE_FAULTS } from "./faults/database.ts";
import { INDEX_FAULTS } from "./faults/index-and-models.ts";
import { QUEUE_FAULTS } from "./faults/queue.ts";
import { SECURITY_FAULTS } from "./faults/security.ts";
import { UPKEEP_FAULTS } from "./faults/upkeep.ts";
import { WORKER_FAULTS } from "./faults/worker.ts";

export const FAULTS: readonly Fault[] = [
  ...UPKEEP_FAULTS,
  ...SECURITY_FAULTS,
  ...QUEUE_FAULTS,
  ...INDEX_FAULTS,
  ...BUSINESS_FAULTS,
  ...WORKER_FAULTS,
  ...DATABASE_FAULTS,
];
