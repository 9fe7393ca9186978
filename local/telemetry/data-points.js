/**
 * Bindings of Analytics Engine as a Worker has them on Cloudflare: what is written is checked at once and handed to the runtime, at
 * no call's price. Each Worker with such a binding imports this before its own code; not part of the product's bundle.
 *
 * Here the runtime is a service beside the Worker, so points of an isolate wait a moment and share one call.
 */
import { env, waitUntil } from "cloudflare:workers";
import names from "./datasets.js";

/** How long points are collected before they are handed over. */
const BATCH_MS = 25;

/** A batch under way for longer died with its invocation, and the next point takes it over. */
const BATCH_SILENT_MS = 2000;

class Dataset {
  #runtime;
  #points = [];
  #begun_ms = Number.NEGATIVE_INFINITY;

  constructor(runtime) {
    this.#runtime = runtime;
  }

  writeDataPoint({ indexes = [], blobs = [], doubles = [] } = {}) {
    if (indexes.length > 1) throw new TypeError("writeDataPoint(): a data point has one index at most.");
    if (blobs.length > 20) throw new TypeError("writeDataPoint(): a data point has 20 blobs at most.");
    if (doubles.length > 20) throw new TypeError("writeDataPoint(): a data point has 20 doubles at most.");
    this.#points.push({ indexes: indexes.map(text), blobs: blobs.map(text), doubles: [...doubles] });
    const now_ms = Date.now();
    if (now_ms - this.#begun_ms < BATCH_SILENT_MS) return;
    this.#begun_ms = now_ms;
    waitUntil(this.#handOver());
  }

  async #handOver() {
    await scheduler.wait(BATCH_MS);
    const points = this.#points;
    this.#points = [];
    this.#begun_ms = Number.NEGATIVE_INFINITY;
    // Not a call by name, which a Worker of an older compatibility date does not have.
    await this.#runtime.fetch("http://data-points/", { method: "POST", body: JSON.stringify(points) });
  }
}

function text(value) {
  return typeof value === "string" ? value : new TextDecoder().decode(value ?? new Uint8Array());
}

for (const name of names) env[name] = new Dataset(env[name]);
