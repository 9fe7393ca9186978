import type { Env } from "../env.ts";
import type { AlertCalls } from "./calls.ts";

/** This script's alert state. */
export function alertState({ ALERTS }: Pick<Env, "ALERTS">): DurableObjectStub<AlertCalls> {
  return ALERTS.get(ALERTS.idFromName("state"));
}
