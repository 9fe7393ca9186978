/** Drawings of the status page: a bar a day, and a line of latency. Pure. */
import { counted } from "../ground/counted.ts";
import type { DayBar, DayLevel } from "../ground/status.ts";
import { type Shape, shape } from "./shape.ts";
import { LEVEL_WORDS } from "./status-words.ts";
import { linePath } from "./time-chart.ts";
import { percent } from "./words.ts";

const BAR_WIDTH = 5;
const GAP = 2;
const HEIGHT = 34;

/** Worse days are taller: the drawing can be read without its colours. */
const LEVEL_HEIGHT: Record<DayLevel, number> = {
  none: 4,
  maintenance: 12,
  up: 22,
  degraded: 26,
  partial: 30,
  down: 34,
};

/** One bar a day, oldest left, each with its figures as a tooltip. The label says the same in a sentence. */
export function historyBars(days: readonly DayBar[], name: string): Shape {
  const bars = days.map(({ day, level, uptime }, index) => {
    const height = LEVEL_HEIGHT[level];
    const figures = uptime === null ? "" : `, ${percent(uptime)}`;
    const at = { x: index * (BAR_WIDTH + GAP), y: HEIGHT - height, width: BAR_WIDTH, height, rx: 1 };
    return shape("rect", { ...at, class: `level-${level}` }, [
      shape("title", {}, [`${day}: ${LEVEL_WORDS[level]}${figures}`]),
    ]);
  });
  return shape(
    "svg",
    {
      class: "history",
      viewBox: `0 0 ${days.length * (BAR_WIDTH + GAP) - GAP} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": historyInWords(days, name),
    },
    bars,
  );
}

/** For whoever cannot see the bars. */
function historyInWords(days: readonly DayBar[], name: string): string {
  const count = (wanted: DayLevel[]) => days.filter(({ level }) => wanted.includes(level)).length;
  const checked = days.length - count(["none"]);
  if (checked === 0) return `${name}: not checked in the last ${counted(days.length, "day")}`;
  return (
    `${name}, ${checked} of the last ${counted(days.length, "day")} checked: ${count(["up", "maintenance"])} without trouble, ` +
    `${count(["degraded"])} degraded, ${count(["partial", "down"])} with downtime`
  );
}

const SPARK_WIDTH = 120;
const SPARK_HEIGHT = 28;
const SPARK_EDGE = 2;

/** A line over the hours; a gap where nothing was measured. Its scale begins at 0, so that noise looks like noise. */
export function sparkline(values: readonly (number | null)[], label: string): Shape {
  const highest = Math.max(1, ...values.map((value) => value ?? 0));
  const step = (SPARK_WIDTH - 2 * SPARK_EDGE) / Math.max(1, values.length - 1);
  const yOf = (value: number) => SPARK_HEIGHT - SPARK_EDGE - (value / highest) * (SPARK_HEIGHT - 2 * SPARK_EDGE);
  const path = linePath(values.map((value, index) => [SPARK_EDGE + index * step, value === null ? null : yOf(value)]));
  const box = { viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`, role: "img", "aria-label": label, class: "spark" };
  return shape("svg", box, [shape("path", { d: path })]);
}
