/** What the Worker, or the watchdog, and its alert state say to each other. */
import type { Change, Message, Silence } from "./announce.ts";
import type { AlertConfiguration } from "./configuration.ts";
import type { Delivery, DeliveryResult } from "./deliver.ts";
import type { Alert } from "./evaluate.ts";
import type { Heartbeat, Job } from "./heartbeats.ts";
import type { Reading } from "./metrics.ts";
import type { ChangeKind } from "./rule.ts";
import type { Slice } from "./windows.ts";

/** What an evaluation starts from. */
export interface Beginning {
  /** Up to which minute (since the epoch) the meter was read; null: never. */
  observed_minute: number | null;
  /** Figures of a week, and the deep checks, are wanted again. */
  slow_due: boolean;
}

export interface Observation {
  now_ms: number;
  /** Whose rules: each script has an alert state of its own. */
  rules: "worker" | "watchdog";
  environment: string;
  version: string;
  /** What the meter counted since `Beginning`, oldest first; none where it could not be read. */
  slices: Slice[];
  readings: Reading[];
  /** Readings that hold until the next ones come, with `slow_due`. */
  slow_readings: Reading[] | null;
  /** Readings that hold, each until the next of its metric and labels comes: what was found is not disproved by a look that found nothing. */
  lasting_readings: Reading[];
  /** `unreachable`: the last one that was read counts. */
  configuration: AlertConfiguration | "none" | "invalid" | "unreachable";
}

/** What is to be sent now. */
export interface Evaluated {
  due: Delivery[];
  configuration: AlertConfiguration | null;
}

export interface DeliveryRecord {
  id: number;
  channel: string;
  kind: Message["kind"];
  alert: string;
  state: "waiting" | "sent" | "given up";
  attempts: number;
  created_ms: number;
  /** When it is tried again, or was settled. */
  at_ms: number;
  error: string | null;
}

export interface AlertView {
  evaluated_ms: number | null;
  alerts: Alert[];
  silences: Silence[];
  jobs: Job[];
  deliveries: DeliveryRecord[];
  /** Newest first. */
  changes: Change[];
  configuration: AlertConfiguration | null;
  configuration_state: "none" | "valid" | "invalid";
}

/** The job as it is now; `refused` why the heartbeat did not count. `full`: it is of a new job, and there are too many already. */
export interface TakenHeartbeat {
  job: Job | null;
  refused: "full" | "running" | "done" | null;
}

/** The alert state as the Worker calls it. */
export interface AlertCalls extends Rpc.DurableObjectBranded {
  begin(now_ms: number): Beginning;
  evaluate(observation: Observation): Evaluated;
  /** What is to be sent before the next evaluation. */
  due(now_ms: number): Evaluated;
  settle(results: DeliveryResult[], now_ms: number): void;
  view(now_ms: number): AlertView;
  /** Null: no such alert fires. */
  acknowledge(id: string, by: string, now_ms: number): Alert | null;
  /** Null: there is neither an alert nor a rule with this id. */
  silence(silence: Silence, now_ms: number): Silence | null;
  heartbeat(job: string, beat: Heartbeat, reported: Reading[], now_ms: number): TakenHeartbeat;
  /** Takes readings that hold until the next ones of the same metric come from `by`: who looks deeper is not overruled by who does not. */
  report(by: string, readings: Reading[]): void;
  /** The watchdog has asked how the Worker is. */
  watched(now_ms: number): void;
  note(kind: ChangeKind, summary: string, now_ms: number): void;
  /** When the rules were last evaluated, or should have begun to be. */
  pulse(): number;
}
