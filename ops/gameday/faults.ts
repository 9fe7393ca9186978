/** All faults, in the order in which they are played. */
import type { Fault } from "./fault.ts";
import { UPKEEP_FAULTS } from "./faults/upkeep.ts";
import { WORKER_FAULTS } from "./faults/worker.ts";

export const FAULTS: readonly Fault[] = [...WORKER_FAULTS, ...UPKEEP_FAULTS];
