/** Progress of long work on stderr: a redrawn bar on a terminal, a plain line now and then otherwise. */
import { PROGRESS_BAR_EVERY_MS, PROGRESS_LINE_EVERY_MS } from "../limits.ts";
import { harmlessLines } from "./output.ts";

const BAR_WIDTH = 24;

export interface Progress {
  /** Names the next stretch of work; `total` is in units of whatever is counted. */
  start(label: string, total: number): void;
  /** So many units are done in all. */
  update(done: number): void;
  /** Ends the stretch with what came of it, printed as a line. */
  stop(summary?: string): void;
}

interface ProgressTarget {
  isTTY?: boolean;
  write(text: string): unknown;
}

/** A progress display that writes to `target`; `now` is a clock in milliseconds. */
export function createProgress(target: ProgressTarget, now: () => number): Progress {
  const terminal = target.isTTY === true;
  const every_ms = terminal ? PROGRESS_BAR_EVERY_MS : PROGRESS_LINE_EVERY_MS;
  let label = "";
  let total = 0;
  let started_ms = 0;
  let shown_ms = 0;

  return {
    start(nextLabel, nextTotal) {
      label = nextLabel;
      total = nextTotal;
      started_ms = now();
      shown_ms = started_ms;
    },
    update(done) {
      if (now() - shown_ms < every_ms) return;
      shown_ms = now();
      const line = progressLine({ label, done, total, elapsed_ms: shown_ms - started_ms });
      target.write(terminal ? `\r\x1b[2K${bar(done, total)} ${line}` : `${line}\n`);
    },
    stop(summary) {
      if (terminal) target.write("\r\x1b[2K");
      if (summary !== undefined) target.write(`${harmlessLines(summary)}\n`);
    },
  };
}

/** `label: 120/225 (53 %), 41/s, 3 s left`; the rest is an even extrapolation. */
export function progressLine(state: { label: string; done: number; total: number; elapsed_ms: number }): string {
  const { label, done, total, elapsed_ms } = state;
  const share = total === 0 ? 1 : done / total;
  const parts = [`${label}: ${done}/${total} (${Math.floor(share * 100)} %)`];
  if (done > 0 && elapsed_ms > 0) {
    const per_s = (done / elapsed_ms) * 1000;
    parts.push(`${per_s < 10 ? per_s.toFixed(1) : Math.round(per_s)}/s`);
    if (done < total) parts.push(`${Math.ceil((total - done) / per_s)} s left`);
  }
  return parts.join(", ");
}

function bar(done: number, total: number): string {
  const filled = total === 0 ? BAR_WIDTH : Math.round((Math.min(done, total) / total) * BAR_WIDTH);
  return `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
}
