/** A finding of a security audit, and the order in which they are read. */
import { z } from "zod";

/** Worst first. */
export const SEVERITIES = ["high", "medium", "low"] as const;
export const AREAS = ["authentication", "keys", "headers", "cors", "secrets", "tokens", "blocks", "mode"] as const;
export type Area = (typeof AREAS)[number];

export const finding = z.strictObject({
  severity: z.enum(SEVERITIES),
  area: z.enum(AREAS),
  subject: z.string().describe("a key, token, secret, header, network …"),
  evidence: z.string(),
  try: z.string().describe("the command that mends it"),
});
export type Finding = z.infer<typeof finding>;

/** The worst first; of equals, in the order in which they were found. */
export function sorted(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}

export function one(
  severity: Finding["severity"],
  area: Area,
  subject: string,
  evidence: string,
  remedy: string,
): Finding {
  return { severity, area, subject, evidence, try: remedy };
}

export const OPS = "npm run ops --";
export const days = (ms: number): number => Math.floor(ms / 86_400_000);
