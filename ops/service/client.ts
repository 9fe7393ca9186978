/**
 * The client of the Worker's own HTTP API: deadlines, patience with 429 and 503, problem documents as errors.
 *
 * A refused request (429) was not done and is always repeated. Anything less certain (503, a broken connection)
 * is repeated only where doing it twice is the same as doing it once.
 */
import { z } from "zod";
import { jsonIn } from "../../worker/ground/json.ts";
import { MODES } from "../../worker/ground/mode.ts";
import { endedEarly, OpsError } from "../command/errors.ts";
import { REQUEST_RETRIES_MAX, REQUEST_TIMEOUT_MS, RETRY_AFTER_MAX_MS, RETRY_PAUSE_MS } from "../limits.ts";
import { patiently, retryAfter_ms } from "../patience.ts";

export interface Client {
  get<T = unknown>(path: string, answer?: z.ZodType<T>): Promise<T>;
  post<T = unknown>(path: string, body: unknown, options?: PostOptions<T>): Promise<T>;
  put<T = unknown>(path: string, body: unknown, options?: PutOptions<T>): Promise<T>;
  patch<T = unknown>(path: string, body: unknown, options?: Answered<T>): Promise<T>;
  delete(path: string): Promise<unknown>;
  /** The response itself, whatever its status: for streams and for checks that expect a refusal. */
  send(method: string, path: string, body?: unknown): Promise<Response>;
  /** The same service as seen by the holder of another key. */
  as(token: string): Client;
}

interface Answered<T> {
  /** The shape that the caller relies on. @throws OpsError as `decode`, too. */
  answer?: z.ZodType<T>;
}

interface PutOptions<T> extends Answered<T> {
  /** Of this request alone, such as its condition. */
  headers?: Readonly<Record<string, string>>;
}

interface PostOptions<T> extends Answered<T> {
  /** The request changes nothing or carries its own identity, so it may be repeated after an unclear failure. */
  repeatable?: boolean;
}

interface ClientOptions {
  /** Base URL without a trailing slash. */
  url: string;
  /** Bearer token: an API key, a JWT or the bootstrap secret. Empty: none is sent. */
  token: string;
  /** Ends every request and wait. */
  signal: AbortSignal;
  timeout_ms?: number;
  /** Sent with every request, e.g. which version is to answer. */
  headers?: Readonly<Record<string, string>>;
}

const ProblemDocument = z.object({
  type: z.string().optional(),
  title: z.string(),
  detail: z.string().optional(),
  request_id: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** @throws OpsError from every method, with the status and the request id where a response came. */
export function createClient(options: ClientOptions): Client {
  const { url, token, signal, timeout_ms = REQUEST_TIMEOUT_MS } = options;

  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> => {
    try {
      return await fetch(`${url}${path}`, {
        method,
        headers: {
          ...options.headers,
          ...headers,
          ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout_ms)]),
      });
    } catch (error) {
      throw unreachable(`${method} ${path}`, url, error);
    }
  };

  const once = async (
    method: string,
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown> => {
    const response = await send(method, path, body, headers);
    try {
      if (response.ok) return response.status === 204 ? undefined : await response.json();
    } catch (error) {
      throw unreachable(`${method} ${path}`, url, error);
    }
    throw await problem(method, path, response);
  };

  const request = async <T>(
    method: string,
    path: string,
    body: unknown,
    { repeatable = false, headers, answer }: PostOptions<T> & PutOptions<T> = {},
  ): Promise<T> => {
    const answered = await patiently(() => once(method, path, body, headers), {
      signal,
      // A mode lasts until somebody sets another one.
      mayPass: ({ status, reason }) =>
        reason !== "mode-refuses" && (status === 429 || (repeatable && (status === 503 || status === undefined))),
      retries_max: REQUEST_RETRIES_MAX,
      pause_ms: () => RETRY_PAUSE_MS,
      wait_max_ms: RETRY_AFTER_MAX_MS,
    }).catch((error: unknown) => {
      throw error instanceof OpsError ? error : unreachable(`${method} ${path}`, url, error);
    });
    // Where no shape is asked for, T is unknown.
    return answer === undefined ? (answered as T) : decode(answer, answered, `${method} ${path}`);
  };

  return {
    get: (path, answer) => request("GET", path, undefined, { repeatable: true, answer }),
    post: (path, body, options) => request("POST", path, body, options),
    put: (path, body, options) => request("PUT", path, body, { ...options, repeatable: true }),
    patch: (path, body, options) => request("PATCH", path, body, options),
    delete: (path) => request("DELETE", path, undefined, { repeatable: true }),
    send: (method, path, body) => send(method, path, body),
    as: (other) => createClient({ ...options, token: other }),
  };
}

/** The pages of a list, which begins at `path`: each has the cursor of the next one, the last one null. */
export async function* pagesOf<Page extends { next_cursor: string | null }>(
  client: Pick<Client, "get">,
  path: string,
  shape: z.ZodType<Page>,
): AsyncGenerator<Page> {
  const next = path.includes("?") ? `${path}&cursor=` : `${path}?cursor=`;
  let page = await client.get(path, shape);
  yield page;
  while (page.next_cursor !== null) {
    page = await client.get(`${next}${encodeURIComponent(page.next_cursor)}`, shape);
    yield page;
  }
}

/**
 * A response body in the shape a command relies on.
 * @throws OpsError naming the fields that differ: the service and this command are then of different versions.
 */
export function decode<T>(schema: z.ZodType<T>, body: unknown, from: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new OpsError(
    {
      op: "read the answer of",
      subject: from,
      cause: `unexpected shape: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`,
      hint: "deploy the version of the service that this checkout belongs to, or check out the deployed version",
    },
    { error: parsed.error },
  );
}

async function problem(method: string, path: string, response: Response): Promise<OpsError> {
  const text = await response.text();
  const parsed = ProblemDocument.safeParse(jsonIn(text));
  const {
    type,
    detail,
    title,
    errors = [],
    request_id,
  } = parsed.success
    ? parsed.data
    : { type: undefined, title: text.slice(0, 200) || response.statusText, detail: undefined, request_id: undefined };
  const isMode = MODES.some((mode) => type === `/docs#problem-${mode}`);
  // The service's own sentence often names the field already.
  const unnamed = errors.filter(({ message }) => !detail?.includes(message));
  const fields = unnamed.map(({ path: field, message }) => `; ${field}: ${message}`).join("");
  const id = request_id ?? response.headers.get("x-request-id");
  return new OpsError(
    {
      op: method,
      subject: path,
      cause: `${response.status} ${detail ?? title}${fields}${id === null ? "" : ` (request ${id})`}`,
      ...(isMode
        ? { hint: "npm run ops -- mode show says who has set it and why", reason: "mode-refuses" as const }
        : { hint: hintFor(response.status, path, errors) }),
    },
    { status: response.status, retry_after_ms: retryAfter_ms(response.headers.get("retry-after")) },
  );
}

/** What a path names, and the command that shows what there is: by how the path begins, the longest first. */
const SHOWN_BY = [
  ["/api/v1/keys/", "npm run ops -- keys list shows their ids"],
  ["/api/v1/incidents/", "npm run ops -- incident list --all shows their numbers and names"],
  ["/api/v1/alerts/test", "docs/alerts.md says what a channel is; npm run ops -- alerts configure FILE puts them"],
  ["/api/v1/alerts/", "npm run ops -- alerts list shows their ids"],
] as const;

function hintFor(status: number, path: string, errors: readonly { path: string }[]): string {
  const shown = SHOWN_BY.find(([begin]) => path.startsWith(begin))?.[1];
  const isUnknown = status === 404 || (status === 400 && errors.some((one) => one.path.startsWith("path.")));
  if (isUnknown && shown !== undefined) return shown;
  if (status === 401) return "check the secret: PRISM_API_SECRET, or restart the local platform";
  if (status === 403) return "use a key with the scope that the message names (npm run ops -- keys create --help)";
  if (status === 404) return "check the id; list what exists first";
  if (status === 429) return "wait for the time that the message names, or use a key of a higher tier";
  if (status >= 500) return "npm run ops -- synthetic shows what works; the service's log has the request id";
  return "correct what the message names and repeat";
}

function unreachable(op: string, url: string, error: unknown): OpsError {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  const noConnection = {
    cause: `no connection: ${inner}`,
    hint: "check that the service runs and the address is right",
    reason: "unreachable" as const,
  };
  return new OpsError({ op, subject: url, ...(endedEarly(error) ?? noConnection) }, { error });
}
