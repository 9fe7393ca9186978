/**
 * The Vectorize binding: `env.VECTORIZE` is a service binding to the entrypoint
 * `VectorizeBinding` with `props: {index_name}`, and every method of the official V2 binding is an RPC method.
 * Each forwards to `handleVectorizeBinding` in Node through the service binding `NODE`.
 *
 * Floats travel as bytes behind a JSON header: as JSON they would cost more than the scan.
 * Not part of the product's bundle. What the official binding does: workerd, src/cloudflare/internal/vectorize-api.ts.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

const UTF8 = new TextEncoder();

/** 4 bytes header length, JSON header padded with spaces to a multiple of 4, then float32 values. */
function frame(header, arrays) {
  const json = UTF8.encode(JSON.stringify(header));
  const header_bytes = Math.ceil(json.length / 4) * 4;
  const values_total = arrays.reduce((total, { length }) => total + length, 0);
  const bytes = new Uint8Array(4 + header_bytes + values_total * 4);
  new Uint32Array(bytes.buffer, 0, 1)[0] = header_bytes;
  bytes.fill(0x20, 4, 4 + header_bytes);
  bytes.set(json, 4);
  const floats = new Float32Array(bytes.buffer, 4 + header_bytes);
  let at = 0;
  for (const values of arrays) {
    floats.set(values, at);
    at += values.length;
  }
  return bytes;
}

function queryOptions(options = {}) {
  const level = options.returnMetadata;
  if (level && typeof level !== "boolean" && !["all", "indexed", "none"].includes(level))
    throw new Error(
      `Invalid returnMetadata option. Expected: true, false, "none", "indexed" or "all"; got: ${String(level)}`,
    );
  return typeof level === "boolean" ? { ...options, returnMetadata: level ? "all" : "none" } : options;
}

export class VectorizeBinding extends WorkerEntrypoint {
  async #send(operation, method, header, arrays = []) {
    const body = frame({ ...header, method, index_name: this.ctx.props.index_name }, arrays);
    const response = await this.env.NODE.fetch("http://vectorize/", { method: "POST", body });
    const result = await response.json();
    if (response.status === 200) return result;
    const code = typeof result.code === "number" ? ` (code = ${result.code})` : "";
    throw new Error(`${operation}_ERROR${code}: ${result.error}`, { cause: new Error(result.error) });
  }

  #write(operation, method, vectors) {
    const entries = vectors.map(({ id, namespace, metadata, values }) => ({
      id,
      namespace,
      metadata,
      dimensions: values.length,
    }));
    return this.#send(
      operation,
      method,
      { entries },
      vectors.map(({ values }) => values),
    );
  }

  describe() {
    return this.#send("INDEX_GET", "describe", {});
  }

  query(vector, options) {
    return this.#send("VECTOR_QUERY", "query", { options: queryOptions(options) }, [vector]);
  }

  queryById(id, options) {
    return this.#send("VECTOR_QUERY", "queryById", { id, options: queryOptions(options) });
  }

  insert(vectors) {
    return this.#write("VECTOR_INSERT", "insert", vectors);
  }

  upsert(vectors) {
    return this.#write("VECTOR_UPSERT", "upsert", vectors);
  }

  getByIds(ids) {
    return this.#send("VECTOR_GET", "getByIds", { ids });
  }

  deleteByIds(ids) {
    return this.#send("VECTOR_DELETE", "deleteByIds", { ids });
  }
}
