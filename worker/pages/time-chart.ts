/** A chart over time as data, for the dashboard: bars or lines, a scale from 0, the values of each step as its tooltip. Pure. */
import { rounded, type Shape, shape } from "./shape.ts";
import { short } from "./words.ts";

export interface ChartLine {
  name: string;
  /** One a step; null: nothing was measured. */
  values: readonly (number | null)[];
  kind: "bar" | "line";
}

interface Chart {
  label: string;
  /** What each step is called, oldest first. */
  steps: readonly string[];
  /** The first is drawn first, below the others. */
  lines: readonly ChartLine[];
}

const WIDTH = 480;
const HEIGHT = 150;
const LEFT = 46;
const RIGHT = 6;
const TOP = 8;
const BOTTOM = 20;
const GRID_LINES = 2;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;

export function timeChart({ label, steps, lines }: Chart): Shape {
  const top = niceCeiling(Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const width = PLOT_WIDTH / Math.max(1, steps.length);
  const yOf = (value: number) => TOP + PLOT_HEIGHT * (1 - value / top);
  const grid = Array.from({ length: GRID_LINES + 1 }, (_, index) => (top * index) / GRID_LINES).flatMap((value) => [
    shape("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: rounded(yOf(value)), y2: rounded(yOf(value)), class: "grid" }),
    shape("text", { x: LEFT - 6, y: rounded(yOf(value) + 4), "text-anchor": "end" }, [short(value)]),
  ]);
  const drawn = lines.flatMap(({ values, kind }, index) => {
    const name = `series-${index}`;
    if (kind === "line") {
      const path = linePath(
        values.map((value, step) => [LEFT + (step + 0.5) * width, value === null ? null : yOf(value)]),
      );
      return [shape("path", { d: path, class: `line ${name}` })];
    }
    return values.flatMap((value, step) => {
      if (value === null || value === 0) return [];
      const y = rounded(Math.min(yOf(value), TOP + PLOT_HEIGHT - 1));
      const box = { x: rounded(LEFT + step * width + 0.5), y, width: rounded(Math.max(1, width - 1)) };
      return [shape("rect", { ...box, height: rounded(TOP + PLOT_HEIGHT - y), class: `bar ${name}` })];
    });
  });
  const tips = steps.map((step, index) => {
    const told = lines.map(({ name, values }) => `${name} ${wordsOf(values[index] ?? null)}`);
    const box = { x: rounded(LEFT + index * width), y: TOP, width: rounded(width), height: PLOT_HEIGHT, class: "tip" };
    return shape("rect", box, [shape("title", {}, [`${step}: ${told.join(", ")}`])]);
  });
  const ends = [
    shape("text", { x: LEFT, y: HEIGHT - 5 }, [steps[0] ?? ""]),
    shape("text", { x: WIDTH - RIGHT, y: HEIGHT - 5, "text-anchor": "end" }, [steps.at(-1) ?? ""]),
  ];
  const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": inWords({ label, steps, lines }) };
  return shape("svg", { ...box, class: "chart" }, [...grid, ...drawn, ...ends, ...tips]);
}

/** For whoever cannot see it: the newest value of each line, and its highest. */
function inWords({ label, lines }: Chart): string {
  const told = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return `${name}: nothing measured`;
    return `${name}: now ${wordsOf(values.at(-1) ?? null)}, at most ${short(Math.max(...known))}`;
  });
  return `${label}. ${told.join("; ")}`;
}

function wordsOf(value: number | null): string {
  return value === null ? "–" : short(value);
}

/**
 * The least of 1, 2, 4, 5 or 10 times a power of ten that is not below the value: what halves of it are easy to read. Next to nothing is
 * drawn as nothing: the smallest numbers have no power of ten.
 */
export function niceCeiling(value: number): number {
  if (value < Number.EPSILON) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 4, 5, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Of a chart's 480 units, and of a sparkline's 120. */
const DASH = 4;

/** A path through points; one without a height breaks the line, and one between two gaps is a dash that can be seen. */
export function linePath(points: readonly (readonly [number, number | null])[]): string {
  return points
    .map(([x, y], index) => {
      if (y === null) return "";
      const follows = index > 0 && points[index - 1]?.[1] != null;
      const stays = follows || points[index + 1]?.[1] != null;
      return stays
        ? `${follows ? "L" : "M"}${rounded(x)} ${rounded(y)}`
        : `M${rounded(x - DASH / 2)} ${rounded(y)}h${DASH}`;
    })
    .join("");
}
