/** What a person sees of a run: on a terminal a screen a step, elsewhere plain lines. It decides nothing. */
import { styleText } from "node:util";
import { counted } from "../../worker/ground/counted.ts";
import type { Invocation } from "../command/invocation.ts";
import { harmless, harmlessLines } from "../command/output.ts";
import { shownTime } from "../command/quantities.ts";
import { expectationTold, type Risk } from "./attributes.ts";
import type { SoundRunbook } from "./library.ts";
import type { Step } from "./parse.ts";
import type { StepEnd } from "./transcript.ts";

const WIDTH = 100;
/** Of a line that a step prints: answers of the service are one long line. */
const LINE_CHARS_MAX = 600;
const JSON_LINES_MAX = 40;
const RISK_TOLD = {
  read: "read: changes nothing",
  change: "change: can be taken back",
  destructive: "DESTRUCTIVE: cannot be taken back",
} as const;
const RISK_STYLE = { read: "green", change: "yellow", destructive: "red" } as const;

type Style = Parameters<typeof styleText>[0];

export interface Screen {
  /** `not`: what must not be done, in the runbook's words. */
  begin(
    runbook: SoundRunbook,
    steps: number,
    run: { run_id: string; path: string; so_far: string[] | null; not: string },
  ): void;
  /** What a step will do. */
  step(step: Step, place: { index: number; count: number }, timeout_ms: number): void;
  line(text: string): void;
  skipped(step: Step, why: string): void;
  /** What it did, and what is next. */
  ended(step: Step, end: StepEnd, next: Step | null): void;
  /** The runbook's own words about what is safe to repeat. */
  ifItFails(text: string): void;
}

/** Lines of the command's own words, painted where that can be seen. */
export function createScreen({ terminal, colour, show, note, stack }: Invocation): Screen {
  const paint = (style: Style, text: string) => (colour ? styleText(style, text, { validateStream: false }) : text);
  const say = (text: string) => (terminal ? show(`${text}\n`) : note(text));
  const rule = (left: string, right: string, mark: string, style: Style) =>
    paint(
      style,
      `${mark.repeat(2)} ${left} ${mark.repeat(Math.max(2, WIDTH - left.length - right.length - 5))} ${right}`,
    );
  const indented = (text: string, by: string) =>
    text
      .split("\n")
      .map((line) => `${by}${harmless(line)}`.trimEnd())
      .join("\n");
  let place = "";
  return {
    begin({ id, title, front_matter }, steps, { run_id, path, so_far, not }) {
      const begun = so_far === null ? "begins" : "goes on";
      if (!terminal)
        return note(`${id} ${begun} on stack ${stack}: ${counted(steps, "step")}, run ${run_id}, transcript ${path}`);
      show(`${rule(`${id}: ${title}`, `stack ${stack}`, "━", "bold")}\n`);
      show(`   ${front_matter.severity} · ${counted(steps, "step")} · run ${run_id} ${begun}\n   transcript ${path}\n`);
      show(
        `\n${rule("Do not", `all of it: npm run ops -- runbook show ${id}`, "─", ["bold", "red"])}\n${indented(not, "   ")}\n`,
      );
      if (so_far === null) return;
      show(`\n${rule("So far", `what each step said: npm run ops -- runbook show-run ${run_id}`, "─", "bold")}\n`);
      for (const line of so_far) show(`   ${harmless(line)}\n`);
    },
    step(step, { index, count }, timeout_ms) {
      place = `[${index + 1}/${count}] ${step.name}`;
      if (!terminal) return note(`${place} (${step.risk})`);
      show(
        `\n${rule(`${index + 1} of ${count} · ${step.section} · ${step.name}`, RISK_TOLD[step.risk], "─", ["bold", RISK_STYLE[step.risk]])}\n`,
      );
      if (step.about !== "") show(`${indented(step.about, "   ")}\n\n`);
      show(`${paint("cyan", indented(step.commands, "   $ ").replaceAll("\n   $ ", "\n     "))}\n\n`);
      const until = step.expect === null ? "whatever it ends with" : expectationTold(step.expect);
      const back = step.undo === null ? "" : ` · taken back by ${step.undo}`;
      show(paint("dim", `   goes on after ${until} · at most ${shownTime(timeout_ms)}${back}`));
      show("\n");
    },
    line(text) {
      if (!terminal) return note(`  | ${brief(text)}`);
      for (const shown of readable(text))
        show(`${paint("dim", "   │")} ${harmless(shown)}
`);
    },
    skipped(step, why) {
      const text = `skipped ${step.name}: ${why}`;
      say(terminal ? paint("dim", `\n · ${harmlessLines(text)}`) : text);
    },
    ended({ expect }, { outcome, exit_code: code, duration_ms, why }, next) {
      const ending = code === null ? "" : ` (exit code ${code})`;
      const told = `${outcome}${ending} in ${shownTime(duration_ms)}`;
      if (!terminal) return note(`${place} ${told}${why === null ? "" : `: ${why}`}`);
      const isGood = outcome === "passed";
      // Nothing was expected of it: that it ended so is for the reader to judge.
      const isOpen = isGood && expect === null && code !== 0;
      const [mark, style] = isOpen
        ? ["•", "yellow" as const]
        : isGood
          ? ["✓", "green" as const]
          : ["✗", "red" as const];
      const words = isOpen ? `exit code ${code} in ${shownTime(duration_ms)}: the runbook goes on after any` : told;
      show(`${paint(style, ` ${mark} ${words}`)}${why === null ? "" : ` · ${harmless(why)}`}\n`);
      if (!isGood) return;
      show(paint("dim", next === null ? "   that was the last step\n" : `   next: ${next.name} (${next.risk})\n`));
    },
    ifItFails(text) {
      if (!terminal) return note(`If it fails: ${text}`);
      show(`\n${rule("If it fails", "what is safe to repeat", "─", "bold")}\n${indented(text, "   ")}\n\n`);
    },
  };
}

/** Answers of the service are one long line of JSON: it is laid out, as far as a screen goes. */
function readable(text: string): string[] {
  if (text.length <= WIDTH || !/^[[{]/.test(text)) return [brief(text)];
  try {
    const lines = JSON.stringify(JSON.parse(text), null, 2).split("\n").map(brief);
    const more = lines.length - JSON_LINES_MAX;
    return more <= 0
      ? lines
      : [...lines.slice(0, JSON_LINES_MAX), `… (${counted(more, "line")} more are in the transcript)`];
  } catch {
    return [brief(text)];
  }
}

/** What fits a few lines of a screen; the transcript has it whole. */
function brief(text: string): string {
  const plain = text.replaceAll("\t", "  ");
  if (plain.length <= LINE_CHARS_MAX) return plain;
  return `${plain.slice(0, LINE_CHARS_MAX)} … (${counted(plain.length - LINE_CHARS_MAX, "character")} more are in the transcript)`;
}

/** What is asked before a step, and the answers that run it. */
export function questionFor({ name, risk }: { name: string; risk: Risk }): { text: string; yes: readonly string[] } {
  const others = "s skips it, q stops here";
  if (risk === "read") return { text: `   Enter runs it, ${others}: `, yes: ["", "y", "yes"] };
  if (risk === "change") return { text: `   y runs it, ${others}: `, yes: ["y", "yes"] };
  return { text: `   This cannot be taken back. Type ${name} to run it; ${others}: `, yes: [name] };
}
