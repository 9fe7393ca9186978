/**
 * The calls of Vectorize's REST API that an index needs, through the official SDK: repeated while that can help, failing
 * with a message that names the remedy.
 */
import { setTimeout as sleep } from "node:timers/promises";
import Cloudflare from "cloudflare";
import { type Call, explained, isMissing, mayPass } from "./api-errors.ts";
import type { IndexInputs, MetadataIndex } from "./index-inputs.ts";
import {
  API_TIMEOUT_MS,
  FIRST_PAUSE_MS,
  RATE_LIMIT_WAIT_DEFAULT_MS,
  RATE_LIMIT_WAIT_MAX_MS,
  TRIES_MAX,
} from "./limits.ts";

/** An index without its metadata indexes, as Cloudflare describes it. */
export interface LiveIndex {
  dimensions: number;
  metric: IndexInputs["metric"];
  description: string;
  createdOn: string;
}

/** Which index, and until when. */
export interface IndexAddress {
  account_id: string;
  name: string;
  signal: AbortSignal;
}

export class VectorizeApi {
  readonly #client: Cloudflare;

  /** `baseURL` undefined is Cloudflare itself. Other credentials and log settings of the environment are not read. */
  constructor({ apiToken, baseURL }: { apiToken: string; baseURL: string | undefined }) {
    this.#client = new Cloudflare({
      apiToken,
      apiKey: null,
      apiEmail: null,
      userServiceKey: null,
      baseURL: baseURL ?? null,
      // Repeating is decided here, call by call.
      maxRetries: 0,
      timeout: API_TIMEOUT_MS,
      // The SDK logs to stdout, which belongs to the engine.
      logLevel: "off",
    });
  }

  /** Null when there is no such index. */
  async find(at: IndexAddress): Promise<LiveIndex | null> {
    const found = await this.#call(at, `read the Vectorize index ${at.name}`, async (params, options) => {
      try {
        return await this.#client.vectorize.indexes.get(at.name, params, options);
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    });
    if (found === null) return null;
    const { dimensions, metric } = found.config as { dimensions: number; metric: IndexInputs["metric"] };
    return { dimensions, metric, description: found.description ?? "", createdOn: found.created_on ?? "" };
  }

  /** Not repeated when it stays open whether Cloudflare did it: the caller can look. Throws the SDK's error then. */
  async create(at: IndexAddress, { dimensions, metric, description }: IndexInputs): Promise<void> {
    await this.#call(
      at,
      `create the Vectorize index ${at.name}`,
      (params, options) =>
        this.#client.vectorize.indexes.create(
          { ...params, name: at.name, config: { dimensions, metric }, ...(description === "" ? {} : { description }) },
          options,
        ),
      "once",
    );
  }

  /** No error when it is gone already. */
  async delete(at: IndexAddress): Promise<void> {
    await this.#call(at, `delete the Vectorize index ${at.name}`, async (params, options) => {
      try {
        await this.#client.vectorize.indexes.delete(at.name, params, options);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    });
  }

  async vectorCount(at: IndexAddress): Promise<number> {
    const info = await this.#call(at, `count the vectors of the index ${at.name}`, (params, options) =>
      this.#client.vectorize.indexes.info(at.name, params, options),
    );
    return info?.vectorCount ?? 0;
  }

  async metadataIndexes(at: IndexAddress): Promise<MetadataIndex[]> {
    const listed = await this.#call(at, `list the metadata indexes of ${at.name}`, (params, options) =>
      this.#client.vectorize.indexes.metadataIndex.list(at.name, params, options),
    );
    return (listed?.metadataIndexes ?? []).flatMap(({ propertyName, indexType }) => {
      if (propertyName === undefined || indexType === undefined) return [];
      // Some answers spell the type in capitals.
      return [{ property: propertyName, type: indexType.toLowerCase() as MetadataIndex["type"] }];
    });
  }

  /** Accepted, not yet visible. */
  async createMetadataIndex(at: IndexAddress, { property, type }: MetadataIndex): Promise<void> {
    await this.#call(at, `create the metadata index ${property} of ${at.name}`, (params, options) =>
      this.#client.vectorize.indexes.metadataIndex.create(
        at.name,
        { ...params, propertyName: property, indexType: type },
        options,
      ),
    );
  }

  /** Accepted, not yet visible. */
  async deleteMetadataIndex(at: IndexAddress, property: string): Promise<void> {
    await this.#call(at, `delete the metadata index ${property} of ${at.name}`, (params, options) =>
      this.#client.vectorize.indexes.metadataIndex.delete(at.name, { ...params, propertyName: property }, options),
    );
  }

  /** A 429 means that nothing was done, so it is always repeated; a failure without a verdict only if `repeat` says so. */
  async #call<T>(
    { account_id, signal }: IndexAddress,
    what: string,
    request: (params: { account_id: string }, options: { signal: AbortSignal }) => Promise<T>,
    repeat: "repeat" | "once" = "repeat",
  ): Promise<T> {
    const call: Call = { what, account_id };
    let waited_ms = 0;
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      try {
        return await request({ account_id }, { signal });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Cloudflare.RateLimitError) {
          const wait_ms = retryAfterMs(error.headers.get("retry-after"));
          if (waited_ms + wait_ms > RATE_LIMIT_WAIT_MAX_MS) throw explained(error, call);
          waited_ms += wait_ms;
          await sleep(wait_ms, undefined, { signal });
        } else if (mayPass(error) && repeat === "once") {
          throw error;
        } else if (mayPass(error) && ++failures < TRIES_MAX) {
          await sleep(FIRST_PAUSE_MS * 2 ** (failures - 1), undefined, { signal });
        } else {
          throw explained(error, call);
        }
      }
    }
  }
}

/** `Retry-After` in seconds or as a date. */
function retryAfterMs(header: string | null): number {
  if (header === null) return RATE_LIMIT_WAIT_DEFAULT_MS;
  const wait_ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait_ms) ? RATE_LIMIT_WAIT_DEFAULT_MS : Math.max(0, wait_ms);
}
