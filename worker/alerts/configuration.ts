/**
 * Who is told, and how: channels, routes, escalation, people and rota. One JSON document in the CONFIG namespace under
 * `CONFIGURATION_KEY`, put there by `ops alerts configure`; docs/alerts.md shows one. It holds no secret: a channel names an entry
 * of the secret `ALERT_CHANNEL_SECRETS`, a JSON object of name → value.
 *
 * KV, because the watchdog reads it as well, it works while D1 is down, and a rota changes more often than a deployment.
 */
import { z } from "zod";
import { HEARTBEAT_GRACE_MAX_S } from "../limits.ts";
import { ROUTES } from "./rule.ts";

export const CONFIGURATION_KEY = "alerts";
const HOUR_S = 3_600;

const name = z.string().regex(/^[a-z0-9]+([_-][a-z0-9]+)*$/, "lower-case letters, digits, `-` and `_`");
/** Alerts say what is broken: in clear text they go to this machine only. */
const address = z
  .url({ protocol: /^https?$/ })
  .refine((url) => {
    const { protocol, hostname } = new URL(url);
    return protocol === "https:" || hostname === "127.0.0.1" || hostname === "localhost";
  }, "https, unless it is this machine")
  .refine((url) => {
    const { username, password } = new URL(url);
    return username + password === "";
  }, "without credentials: they are secrets, and go into ALERT_CHANNEL_SECRETS");

const PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue";

const channel = z.discriminatedUnion("type", [
  /** The secret is the whole address of an incoming webhook. */
  z.strictObject({ type: z.literal("slack"), url_secret: name }),
  /** `url`: the EU's is https://events.eu.pagerduty.com/v2/enqueue. */
  z.strictObject({ type: z.literal("pagerduty"), routing_key_secret: name, url: address.default(PAGERDUTY_URL) }),
  /** A mail API that takes `{from, to, subject, text}` with a bearer token: Cloudflare's Email Sending, or Resend. */
  z.strictObject({
    type: z.literal("email"),
    url: address,
    token_secret: name,
    from: z.email(),
    to: z.array(z.email()).min(1).max(50),
  }),
  /** The message as JSON; the secret, if any, as a bearer token. */
  z.strictObject({ type: z.literal("webhook"), url: address, token_secret: name.optional() }),
]);
export type Channel = z.infer<typeof channel>;

const moment = z.iso.datetime({ offset: true });

const rotation = z.strictObject({
  /** When the first person's first shift begins. */
  start: moment,
  shift_h: z
    .int()
    .min(1)
    .max(24 * 28),
  /** In turn. */
  people: z.array(name).min(1),
  /** Somebody else, for a while; the last one that fits counts. */
  overrides: z.array(z.strictObject({ from: moment, to: moment, person: name })).default([]),
});
export type Rotation = z.infer<typeof rotation>;

export const alertConfiguration = z
  .strictObject({
    /** Where the Worker answers, without a slash at its end: the watchdog asks there. */
    service_url: address.refine((url) => !url.endsWith("/"), "without a slash at its end"),
    channels: z.record(name, channel),
    routes: z.strictObject({ page: z.array(name).min(1), mail: z.array(name).min(1), quiet: z.array(name) }),
    /** Who else hears of a critical alert that nobody has acknowledged. */
    escalation: z
      .array(
        z.strictObject({
          after_min: z.int().positive(),
          channels: z.array(name).default([]),
          /** The channels of whoever is on call there. */
          rotation: name.optional(),
        }),
      )
      .default([]),
    people: z
      .record(name, z.strictObject({ name: z.string().min(1), email: z.email(), channels: z.array(name).default([]) }))
      .default({}),
    rotations: z.record(name, rotation).default({}),
    /** Jobs that must report although they never have: without an entry a job is expected from its first heartbeat on. */
    expected_jobs: z
      .record(
        name,
        z.strictObject({
          every_h: z.int().positive(),
          grace_h: z
            .int()
            .min(0)
            .max(HEARTBEAT_GRACE_MAX_S / HOUR_S),
        }),
      )
      .default({}),
  })
  .superRefine(({ channels, routes, escalation, people, rotations }, context) => {
    const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    const check = (path: (string | number)[], ids: readonly string[], known: object, what: string) => {
      for (const id of ids) if (!Object.hasOwn(known, id)) refuse(path, `there is no ${what} ${id}`);
    };
    for (const route of ROUTES) check(["routes", route], routes[route], channels, "channel");
    for (const id of routes.quiet)
      if (channels[id]?.type === "pagerduty") refuse(["routes", "quiet"], `${id} would page somebody for a deployment`);
    let before = 0;
    for (const [index, step] of escalation.entries()) {
      check(["escalation", index, "channels"], step.channels, channels, "channel");
      if (step.rotation !== undefined) check(["escalation", index, "rotation"], [step.rotation], rotations, "rotation");
      if (step.channels.length === 0 && step.rotation === undefined) refuse(["escalation", index], "names nobody");
      if (step.after_min <= before) refuse(["escalation", index, "after_min"], "must be later than the step before");
      before = step.after_min;
    }
    for (const [id, person] of Object.entries(people))
      check(["people", id, "channels"], person.channels, channels, "channel");
    for (const [id, one] of Object.entries(rotations)) {
      check(["rotations", id, "people"], one.people, people, "person");
      for (const [index, { from, to, person }] of one.overrides.entries()) {
        check(["rotations", id, "overrides", index], [person], people, "person");
        if (Date.parse(to) <= Date.parse(from)) refuse(["rotations", id, "overrides", index], "ends before it begins");
      }
    }
  });
export type AlertConfiguration = z.infer<typeof alertConfiguration>;

/** The values of `ALERT_CHANNEL_SECRETS` by name; empty where it is. @throws ZodError or SyntaxError, without a value in it. */
export function channelSecrets(text: string): Readonly<Record<string, string>> {
  if (text === "") return {};
  return z.record(z.string(), z.string()).parse(JSON.parse(text));
}
