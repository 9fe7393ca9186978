/** The book of status as the Worker calls it: apart from its data, which ops read without the Worker's types. */
import type {
  Board,
  Check,
  Incident,
  IncidentChange,
  IncidentOpening,
  Maintenance,
  MaintenanceChange,
  MaintenanceFacts,
  Outcome,
} from "./status.ts";

export interface StatusCalls extends Rpc.DurableObjectBranded {
  record(check: Check): void;
  board(now_ms: number): Board;
  incidents(filter: "open" | "resolved" | "all", before_id: number | null, limit: number): Incident[];
  incident(id: number | string): Incident | null;
  openIncident(opening: IncidentOpening, now_ms: number): Outcome<Incident>;
  changeIncident(id: number | string, change: IncidentChange, now_ms: number): Outcome<Incident>;
  maintenance(before_id: number | null, limit: number): Maintenance[];
  announce(facts: MaintenanceFacts, announced_by: string, now_ms: number): Outcome<Maintenance>;
  changeMaintenance(id: number, change: MaintenanceChange, now_ms: number): Outcome<Maintenance>;
}
