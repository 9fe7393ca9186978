/**
 * Analytics Engine on this machine: data points in SQLite, and what its SQL API asks of them.
 *
 * SQLite parses and runs the statements; `analytics-sql.ts` refuses what Analytics Engine does not have and brings the rest into
 * SQLite's words. Functions that SQLite lacks are added here.
 */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { ANALYTICS_COLUMNS_MAX, ANALYTICS_RETENTION_MS } from "../../infra/cloudflare-limits.ts";
import { ANALYTICS_POINTS_MAX } from "../limits.ts";
import { AnalyticsError, type ColumnType, translate } from "./analytics-sql.ts";

/** As `writeDataPoint` takes it. */
interface DataPoint {
  indexes?: string[];
  blobs?: string[];
  doubles?: number[];
}

export interface AnalyticsAnswer {
  format: "JSON" | "JSONEachRow";
  meta: { name: string; type: ColumnType }[];
  rows: Record<string, unknown>[];
}

const numbered = (name: string) => Array.from({ length: ANALYTICS_COLUMNS_MAX }, (_, index) => `${name}${index + 1}`);
const BLOBS = numbered("blob");
const DOUBLES = numbered("double");
const ANALYTICS_COLUMNS = ["dataset", "timestamp", "_sample_interval", "index1", ...BLOBS, ...DOUBLES];

export class AnalyticsPoints {
  readonly #db: DatabaseSync;
  readonly #now: () => number;
  #clean_after_ms = 0;

  /** `path` is a file, or ":memory:". */
  constructor(path: string, now: () => number) {
    this.#now = now;
    this.#db = new DatabaseSync(path);
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA case_sensitive_like = ON;
      CREATE TABLE IF NOT EXISTS points (
        id INTEGER PRIMARY KEY AUTOINCREMENT, dataset TEXT NOT NULL, timestamp INTEGER NOT NULL,
        _sample_interval INTEGER NOT NULL, index1 TEXT NOT NULL,
        ${BLOBS.map((name) => `${name} TEXT NOT NULL DEFAULT ''`).join(", ")},
        ${DOUBLES.map((name) => `${name} REAL NOT NULL DEFAULT 0`).join(", ")}
      );
      CREATE INDEX IF NOT EXISTS points_time ON points (dataset, timestamp)`);
    addFunctions(this.#db, now);
  }

  /** Keeps points of one time. */
  add(points: readonly { dataset: string; at_ms: number; point: DataPoint }[]): void {
    if (points.length === 0) return;
    const insert = this.#db.prepare(
      `INSERT INTO points (${ANALYTICS_COLUMNS.join(", ")}) VALUES (${ANALYTICS_COLUMNS.map(() => "?").join(", ")})`,
    );
    this.#db.exec("BEGIN");
    for (const { dataset, at_ms, point } of points) {
      const blobs = BLOBS.map((_, index) => point.blobs?.[index] ?? "");
      const doubles = DOUBLES.map((_, index) => point.doubles?.[index] ?? 0);
      // Nothing is sampled away here: each point stands for itself.
      insert.run(dataset, Math.floor(at_ms / 1000), 1, point.indexes?.[0] ?? "", ...blobs, ...doubles);
    }
    this.#db.exec("COMMIT");
    this.#clean();
  }

  /** @throws AnalyticsError for a statement that Analytics Engine, or this platform, does not have. */
  query(sql: string): AnalyticsAnswer {
    const { text, columns, format } = translate(sql, this.datasets(), ANALYTICS_COLUMNS);
    try {
      const statement = this.#db.prepare(text);
      const rows = statement.all() as Record<string, unknown>[];
      const meta = statement.columns().map(({ name }, index) => ({ name, type: columns[index] ?? typeOf(rows, name) }));
      return { format, meta, rows: rows.map((row) => shown(row, meta)) };
    } catch (error) {
      throw new AnalyticsError(`the statement cannot be run: ${(error as Error).message}`);
    }
  }

  /** Those that were ever written to. */
  datasets(): string[] {
    return this.#db
      .prepare("SELECT DISTINCT dataset FROM points ORDER BY dataset")
      .all()
      .map(({ dataset }) => String(dataset));
  }

  close(): void {
    this.#db.close();
  }

  /** By age and by number, an hour apart. */
  #clean(): void {
    const now_ms = this.#now();
    if (now_ms < this.#clean_after_ms) return;
    this.#clean_after_ms = now_ms + 3_600_000;
    this.#db
      .prepare("DELETE FROM points WHERE timestamp < ? OR id <= (SELECT max(id) FROM points) - ?")
      .run(Math.floor((now_ms - ANALYTICS_RETENTION_MS) / 1000), ANALYTICS_POINTS_MAX);
  }
}

function typeOf(rows: readonly Record<string, unknown>[], name: string): ColumnType {
  return rows.some((row) => typeof row[name] === "string") ? "String" : "Float64";
}

/** As ClickHouse's JSON writes them: times as text, and integers of 64 bits, too. */
function shown(row: Record<string, unknown>, meta: AnalyticsAnswer["meta"]): Record<string, unknown> {
  const value = ({ name, type }: AnalyticsAnswer["meta"][number]) => {
    const raw = row[name];
    if (type === "DateTime") return new Date(Number(raw) * 1000).toISOString().slice(0, 19).replace("T", " ");
    return type === "UInt64" ? String(raw ?? 0) : raw;
  };
  return Object.fromEntries(meta.map((column) => [column.name, value(column)]));
}

function addFunctions(db: DatabaseSync, now: () => number): void {
  const every = (seconds: number) => (time: SQLInputValue) => Math.floor(Number(time) / seconds) * seconds;
  db.function("now", () => Math.floor(now() / 1000));
  db.function("toUnixTimestamp", { deterministic: true }, (time) => time);
  db.function("toDateTime", { deterministic: true }, (time) =>
    typeof time === "number" ? time : Math.floor(Date.parse(`${String(time).replace(" ", "T")}Z`) / 1000),
  );
  db.function("toStartOfInterval", { deterministic: true }, (time, seconds) => every(Number(seconds))(time));
  db.function("toStartOfMinute", { deterministic: true }, every(60));
  db.function("toStartOfFiveMinutes", { deterministic: true }, every(300));
  db.function("toStartOfFifteenMinutes", { deterministic: true }, every(900));
  db.function("toStartOfHour", { deterministic: true }, every(3600));
  db.function("toStartOfDay", { deterministic: true }, every(86_400));
  db.function("intDiv", { deterministic: true }, (a, b) => Math.trunc(Number(a) / Number(b)));
  db.aggregate("countIf", { start: 0, step: (count: number, is: SQLInputValue) => count + (is ? 1 : 0) });
  db.aggregate("sumIf", {
    start: 0,
    step: (sum: number, value: SQLInputValue, is: SQLInputValue) => sum + (is ? Number(value) : 0),
  });
  db.aggregate("quantileExactWeighted", {
    // A text that grows, for SQLite's accumulators are values of its own.
    start: "",
    step: (kept: string, level: SQLInputValue, value: SQLInputValue, weight: SQLInputValue) =>
      `${kept}${value} ${weight} ${level}\n`,
    result: (kept: string) => quantile(kept.trimEnd().split("\n")),
  });
}

type Weighted = [value: number, weight: number, level: number];

/** The smallest value below or at which the share `level` of all weight lies. */
function quantile(lines: readonly string[]): number | null {
  const values = lines.map((line) => line.split(" ").map(Number) as Weighted);
  const [[, , level] = []] = values;
  if (level === undefined) return null;
  const wanted = level * values.reduce((sum, [, weight]) => sum + weight, 0);
  let below = 0;
  for (const [value, weight] of values.toSorted(([a], [b]) => a - b)) {
    below += weight;
    if (below >= wanted) return value;
  }
  return null;
}
