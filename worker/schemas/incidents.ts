/** Incidents and maintenance windows as the API takes and shows them. */
import { z } from "@hono/zod-openapi";
import { COMPONENTS, ENTRY_SOURCES, INCIDENT_STATES, SEVERITIES } from "../ground/status.ts";
import {
  INCIDENT_PAGE_DEFAULT,
  INCIDENT_PAGE_MAX,
  INCIDENT_REF,
  INCIDENT_TEXT_CHARS_MAX,
  INCIDENT_TITLE_CHARS_MAX,
  KEY_NAME_CHARS_MAX,
} from "../limits.ts";
import { cursorOf, nextCursor, ONE_LINE, SHOWN, shownText, wholeNumber } from "./documents.ts";

/** Control characters have no place on one line of a page, a feed or a terminal. */
const oneLine = shownText
  .refine((text) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text), "must be one line")
  .trim()
  .min(1)
  .openapi({ pattern: ONE_LINE });

const title = oneLine
  .max(INCIDENT_TITLE_CHARS_MAX)
  .openapi({ description: "Public.", example: "Search is slow for some callers" });
const text = shownText
  .trim()
  .min(1)
  .max(INCIDENT_TEXT_CHARS_MAX)
  .openapi({ pattern: SHOWN, description: "Plain text.", example: "We see it and are looking for the cause." });
const severity = z.enum(SEVERITIES).openapi({
  description:
    "SEV-1: down, answered within 15 min. SEV-2: a part is lost, 1 h. SEV-3: worse than it should be, 4 h. SEV-4: a blemish.",
});
const components = z
  .array(z.enum(COMPONENTS))
  .min(1)
  .max(COMPONENTS.length)
  .transform((list) => COMPONENTS.filter((component) => list.includes(component)))
  .openapi({
    type: "array",
    minItems: 1,
    maxItems: COMPONENTS.length,
    items: { type: "string", enum: [...COMPONENTS] },
    example: ["api"],
  });
const commander = oneLine.max(KEY_NAME_CHARS_MAX).nullable().openapi({ description: "Who leads; never public." });
const ref = z
  .string()
  .regex(INCIDENT_REF, "`r-` and eight lower-case letters or digits")
  .openapi({ example: "r-3f9a1c2e" });
const time = z.iso.datetime({ offset: true }).openapi({ example: "2026-11-29T18:00:00Z" });

export const incidentOpening = z
  .strictObject({
    title,
    severity,
    components,
    text,
    commander: commander.optional(),
    started_at: time.optional().openapi({ description: "When it began; absent: now." }),
    opened_at: time
      .optional()
      .openapi({ description: "When it was opened, where it is handed in later; absent: now." }),
    ref: ref.optional().openapi({
      description:
        "A name of your own, which can stand for its number. Opening it again under that name answers with the one there is.",
    }),
  })
  .openapi("IncidentOpening");

export const incidentChange = z
  .strictObject({
    title: title.optional(),
    severity: severity.optional(),
    components: components.optional(),
    commander: commander.optional(),
    state: z.enum(INCIDENT_STATES).optional(),
    text: text.optional().openapi({ description: "A new entry of the timeline." }),
    is_public: z.boolean().optional().openapi({ description: "Whether the entry is for everybody; absent: it is." }),
    source: z.enum(ENTRY_SOURCES).optional().openapi({ description: "Where the entry comes from." }),
    at: time.optional().openapi({ description: "When it was; absent: now." }),
    new_action: z
      .strictObject({
        text: oneLine.max(INCIDENT_TITLE_CHARS_MAX),
        owner: oneLine.max(KEY_NAME_CHARS_MAX).nullable().default(null),
        due: z.iso.date().nullable().default(null),
      })
      .optional()
      .openapi({ description: "What must be done so that it does not happen again." }),
    done_action: z.int().min(1).optional().openapi({ description: "Id of an action item that is done." }),
  })
  .refine((change) => Object.keys(change).length > 0, "name at least one field to change")
  .refine(
    ({ text: entry, is_public, source, at }) => entry !== undefined || (is_public ?? source ?? at) === undefined,
    { path: ["text"], message: "is_public, source and at tell of an entry: send its text" },
  )
  .openapi("IncidentChange", { minProperties: 1 });

const shownTime = z.iso.datetime();

/** What was told of an incident while the service did not answer: ops leave it in KV. */
const report = { id: z.string(), at_ms: z.int() };
export const waitingIncident = z.discriminatedUnion("act", [
  z.strictObject({ ...report, act: z.literal("open"), opening: incidentOpening }),
  z.strictObject({ ...report, act: z.literal("change"), incident: z.string(), change: incidentChange }),
]);

export const incidentEntry = z.object({
  at: shownTime,
  state: z.enum(INCIDENT_STATES),
  source: z.enum(ENTRY_SOURCES),
  text: z.string().openapi({ description: "Empty where only the state changed." }),
});

export const incident = z
  .object({
    id: z.int(),
    ref: z.string().nullable(),
    title: z.string(),
    severity,
    components: z.array(z.enum(COMPONENTS)),
    state: z.enum(INCIDENT_STATES),
    commander: z.string().nullable(),
    opened_by: z.string().openapi({ description: "Id of the key." }),
    started_at: shownTime,
    resolved_at: shownTime.nullable(),
    timeline: z.array(incidentEntry.extend({ is_public: z.boolean() })),
    action_items: z.array(
      z.object({
        id: z.int(),
        text: z.string(),
        owner: z.string().nullable(),
        due: z.string().nullable(),
        done_at: shownTime.nullable(),
      }),
    ),
  })
  .openapi("Incident");

export const incidentPage = z
  .object({
    incidents: z.array(incident),
    next_cursor: nextCursor,
  })
  .openapi("IncidentPage");
export type IncidentPage = z.infer<typeof incidentPage>;

const page = {
  limit: wholeNumber(INCIDENT_PAGE_MAX).default(INCIDENT_PAGE_DEFAULT),
  cursor: cursorOf(/^\d{1,9}$/),
};

export const incidentListQuery = z.strictObject({ state: z.enum(["open", "resolved", "all"]).default("all"), ...page });

/** Numbers, so that people can speak of them. */
export const maintenancePath = z.object({ id: wholeNumber(999_999_999) });
export const incidentPath = z.object({
  id: z.union([wholeNumber(999_999_999), ref]).openapi({
    type: "string",
    pattern: `^[1-9]\\d{0,8}$|${INCIDENT_REF.source}`,
    example: "1",
    description: "Its number, or its `ref`.",
  }),
});

export const maintenanceAnnouncement = z
  .strictObject({
    title,
    text,
    components,
    starts_at: time.openapi({ description: "Not in the past.", example: "2099-01-01T22:00:00Z" }),
    ends_at: time.openapi({ description: "At most a week later.", example: "2099-01-01T23:30:00Z" }),
    counts: z.boolean().default(false).openapi({
      description: "Whether checks within the window count in the uptime of its components. Cannot be changed later.",
    }),
  })
  .openapi("MaintenanceAnnouncement");

export const maintenanceChange = z
  .strictObject({
    title: title.optional(),
    text: text.optional(),
    ends_at: time.optional().openapi({
      description: "Now, or later: to end a window early, or to extend it.",
      example: "2099-01-01T23:00:00Z",
    }),
    is_cancelled: z.literal(true).optional().openapi({ description: "Calls off a window that has not begun." }),
  })
  .refine((change) => Object.keys(change).length > 0, "name at least one field to change")
  .openapi("MaintenanceChange", { minProperties: 1 });

export const maintenance = z
  .object({
    id: z.int(),
    title: z.string(),
    text: z.string(),
    components: z.array(z.enum(COMPONENTS)),
    starts_at: shownTime,
    ends_at: shownTime,
    counts: z.boolean(),
    phase: z.enum(["scheduled", "in_progress", "completed", "cancelled"]),
    announced_by: z.string().openapi({ description: "Id of the key." }),
  })
  .openapi("Maintenance");

export const maintenancePage = z
  .object({
    maintenance: z.array(maintenance),
    next_cursor: nextCursor,
  })
  .openapi("MaintenancePage");

export const maintenanceListQuery = z.strictObject(page);
