import fc from "fast-check";
import { expect, test } from "vitest";
import { INCIDENT_ENTRIES_MAX, MAINTENANCE_DURATION_MAX_MS } from "../limits.ts";
import { announcedMaintenance, changedIncident, changedMaintenance, openedIncident } from "./incident.ts";
import {
  ENTRY_SOURCES,
  INCIDENT_STATES,
  type Incident,
  type IncidentChange,
  type Maintenance,
  type MaintenanceFacts,
} from "./status.ts";

const NOW_MS = Date.UTC(2026, 10, 29, 16, 45);
const HOUR_MS = 3_600_000;

function opened(): Incident {
  const facts = { title: "t", severity: "SEV-2" as const, components: ["kv" as const], commander: null };
  const { kept } = openedIncident({ ...facts, text: "seen", ...OPENING }, NOW_MS);
  if (kept === null) throw new Error("was refused");
  return { id: 1, ...kept };
}
const OPENING = { ref: null, opened_by: "k", started_at_ms: NOW_MS - HOUR_MS, opened_at_ms: NOW_MS };
const WINDOW: MaintenanceFacts = {
  title: "t",
  text: "t",
  components: ["kv"],
  starts_at_ms: NOW_MS + HOUR_MS,
  ends_at_ms: NOW_MS + 2 * HOUR_MS,
  counts: false,
};
function announced(): Maintenance {
  const { kept } = announcedMaintenance(WINDOW, "k", NOW_MS);
  if (kept === null) throw new Error("was refused");
  return { id: 1, ...kept };
}

const change: fc.Arbitrary<IncidentChange> = fc.record(
  {
    state: fc.constantFrom(...INCIDENT_STATES),
    title: fc.string(),
    entry: fc.record({
      text: fc.string(),
      is_public: fc.boolean(),
      source: fc.constantFrom(...ENTRY_SOURCES),
      at_ms: fc.integer({ min: NOW_MS - HOUR_MS, max: NOW_MS + 30 * HOUR_MS }),
    }),
  },
  { requiredKeys: [] },
);

test("whatever is changed, a timeline loses nothing, stays in order, and the end is known exactly while it is resolved", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(change, fc.nat(HOUR_MS)), { maxLength: 20 }), (changes) => {
      let incident = opened();
      let now_ms = NOW_MS;
      for (const [one, passed_ms] of changes) {
        now_ms += passed_ms;
        const before = incident;
        const { kept, refused } = changedIncident(before, one, now_ms);
        expect((kept === null) !== (refused === null)).toBe(true);
        if (kept === null) continue;
        incident = kept;
        const texts = ({ entries }: Incident) => entries.map(({ at_ms, text }) => `${at_ms} ${text}`);
        for (const told of texts(before)) expect(texts(incident)).toContain(told);
        const times = incident.entries.map(({ at_ms }) => at_ms);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        expect(incident.resolved_at_ms !== null).toBe(incident.state === "resolved");
        expect(incident.entries.at(-1)?.state).toBe(incident.state);
        expect([incident.id, incident.started_at_ms, incident.opened_by]).toEqual([1, NOW_MS - HOUR_MS, "k"]);
      }
    }),
  );
});

test("an entry of the past is put where it belongs, with the state that held then", () => {
  const { kept } = changedIncident(opened(), { state: "identified" }, NOW_MS + HOUR_MS);
  if (kept === null) throw new Error("was refused");
  const entry = { text: "deployed", is_public: false, source: "deploy" as const };
  const late = changedIncident(kept, { entry: { ...entry, at_ms: NOW_MS + 1 } }, NOW_MS + 2 * HOUR_MS).kept;
  expect(late?.entries.map(({ text, state }) => [text, state])).toEqual([
    ["seen", "investigating"],
    ["deployed", "investigating"],
    ["", "identified"],
  ]);
  expect(late?.state).toBe("identified");
});

test("a timeline ends somewhere, and what lies in the future is not told as if it had been", () => {
  const line = { text: "x", is_public: true, source: "operator" as const, at_ms: NOW_MS };
  const full = {
    ...opened(),
    entries: Array.from({ length: INCIDENT_ENTRIES_MAX }, () => ({ ...line, state: "investigating" as const })),
  };
  expect(changedIncident(full, { entry: { ...line, text: "one more" } }, NOW_MS).refused).toMatchObject({
    field: "text",
  });
  expect(changedIncident(full, { title: "still" }, NOW_MS).kept?.title).toBe("still");
  const future = { ...line, at_ms: NOW_MS + HOUR_MS };
  expect(changedIncident(opened(), { entry: future }, NOW_MS).refused).toMatchObject({ field: "at" });
});

test("maintenance is announced before it begins, has an end, and lasts a week at most", () => {
  const fieldOf = (facts: Partial<MaintenanceFacts>) =>
    announcedMaintenance({ ...WINDOW, ...facts }, "k", NOW_MS).refused;
  expect(fieldOf({})).toBeNull();
  expect(fieldOf({ starts_at_ms: NOW_MS })).toBeNull();
  expect(fieldOf({ starts_at_ms: NOW_MS - HOUR_MS })).toMatchObject({ field: "starts_at" });
  expect(fieldOf({ ends_at_ms: WINDOW.starts_at_ms })).toMatchObject({ field: "ends_at" });
  expect(fieldOf({ ends_at_ms: WINDOW.starts_at_ms + MAINTENANCE_DURATION_MAX_MS + 1 })).toMatchObject({
    field: "ends_at",
  });
});

test("a window can be called off before it begins, ended while it holds, and not be changed when it is over", () => {
  const window = announced();
  expect(changedMaintenance(window, { is_cancelled: true }, NOW_MS).kept?.cancelled_at_ms).toBe(NOW_MS);
  const during_ms = window.starts_at_ms + 1;
  expect(changedMaintenance(window, { is_cancelled: true }, during_ms).refused).toMatchObject({
    field: "is_cancelled",
  });
  expect(changedMaintenance(window, { ends_at_ms: during_ms }, during_ms).kept?.ends_at_ms).toBe(during_ms);
  expect(changedMaintenance(window, { ends_at_ms: NOW_MS }, during_ms).refused).toMatchObject({ field: "ends_at" });
  expect(changedMaintenance(window, { title: "x" }, window.ends_at_ms).refused).toMatchObject({ field: "id" });
});

test("what is handed in again is there once: an entry, an action item, and that one is done", () => {
  const entry = { text: "the alert fires", source: "alert" as const, is_public: false, at_ms: NOW_MS };
  const new_action = { text: "Write a test", owner: "ann", due: "2026-12-06" };
  let incident = opened();
  for (const change of [{ entry }, { entry }, { new_action }, { new_action }, { done_action: 1 }, { done_action: 1 }])
    incident = changedIncident(incident, change, NOW_MS).kept ?? incident;
  expect(incident.entries).toHaveLength(2);
  expect(incident.action_items).toEqual([{ id: 1, ...new_action, done_at_ms: NOW_MS }]);
  expect(changedIncident(incident, { done_action: 2 }, NOW_MS).refused).toMatchObject({ field: "done_action" });
});
