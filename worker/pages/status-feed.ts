/** The status page as a feed (RSS 2.0) and as badges (SVG). Pure. */
import type { Component } from "../ground/status.ts";
import type { ShownState } from "../ground/uptime.ts";
import type { PublicStatus } from "../operations/status.ts";
import { escaped, shape, shapeText } from "./shape.ts";
import { COMPONENT_NAMES, INCIDENT_WORDS, STATE_WORDS } from "./status-words.ts";
import { utc } from "./words.ts";

interface Item {
  title: string;
  text: string;
  anchor: string;
  guid: string;
  at_ms: number;
}

/** Each public entry of an incident and each window of maintenance, newest first. `origin` is where the page is. */
export function statusFeed({ incidents, maintenance, generated_at_ms }: PublicStatus, origin: string): string {
  const news: Item[] = [
    ...incidents.flatMap(({ id, title, entries }) =>
      entries.map(({ at_ms, state, text }) => ({
        title: `${INCIDENT_WORDS[state]}: ${title}`,
        text,
        anchor: `incident-${id}`,
        guid: `incident-${id}-${at_ms}`,
        at_ms,
      })),
    ),
    ...maintenance.map(({ id, title, text, starts_at_ms, ends_at_ms }) => ({
      title: `Maintenance: ${title}`,
      text: `${utc(starts_at_ms)} to ${utc(ends_at_ms)}. ${text}`,
      anchor: `maintenance-${id}`,
      guid: `maintenance-${id}-${starts_at_ms}-${ends_at_ms}`,
      at_ms: Math.min(starts_at_ms, generated_at_ms),
    })),
  ].toSorted((a, b) => b.at_ms - a.at_ms);
  const items = news.map(({ title, text, anchor, guid, at_ms }) =>
    [
      "<item>",
      `<title>${escaped(title)}</title>`,
      `<link>${escaped(`${origin}/status#${anchor}`)}</link>`,
      `<guid isPermaLink="false">${escaped(`${origin}/status#${guid}`)}</guid>`,
      `<pubDate>${new Date(at_ms).toUTCString()}</pubDate>`,
      `<description>${escaped(text)}</description>`,
      "</item>",
    ].join(""),
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<rss version="2.0"><channel>',
    "<title>PRISM status</title>",
    `<link>${escaped(origin)}/status</link>`,
    "<description>Incidents and maintenance</description>",
    ...items,
    "</channel></rss>",
    "",
  ].join("\n");
}

/** Of shields.io's usual colours those on which white text has a contrast of 4.5. */
const BADGE_COLOURS: Record<ShownState, string> = {
  up: "#1a7f4b",
  degraded: "#8a5a00",
  down: "#b3261e",
  maintenance: "#3451b2",
  unknown: "#5a6578",
};

const CHAR_WIDTH = 6.6;
const PADDING = 7;
const BADGE_HEIGHT = 20;

/** Two fields: what, and how it is. */
export function statusBadge(what: "service" | Component, state: ShownState): string {
  const label = what === "service" ? "status" : COMPONENT_NAMES[what].name.toLowerCase();
  const word = STATE_WORDS[state].word.toLowerCase();
  const left = widthOf(label) + 2 * PADDING;
  const right = widthOf(word) + 2 * PADDING;
  const text = (content: string, x: number) =>
    shape(
      "text",
      { x, y: 14, "text-anchor": "middle", textLength: widthOf(content), lengthAdjust: "spacingAndGlyphs" },
      [content],
    );
  return shapeText(
    shape(
      "svg",
      {
        xmlns: "http://www.w3.org/2000/svg",
        width: left + right,
        height: BADGE_HEIGHT,
        role: "img",
        "aria-label": `${label}: ${word}`,
      },
      [
        shape("title", {}, [`${label}: ${word}`]),
        shape("rect", { width: left + right, height: BADGE_HEIGHT, rx: 3, fill: BADGE_COLOURS[state] }),
        shape("path", { d: `M3 0H${left}V${BADGE_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z`, fill: "#39424f" }),
        shape("g", { fill: "#fff", "font-family": "Verdana,DejaVu Sans,sans-serif", "font-size": 11 }, [
          text(label, left / 2),
          text(word, left + right / 2),
        ]),
      ],
    ),
  );
}

/** The width that text is drawn with, whatever fonts the reader has. */
function widthOf(text: string): number {
  return Math.round(text.length * CHAR_WIDTH);
}
