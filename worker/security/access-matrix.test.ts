/** Who may call what: every operation of `/openapi.json`, whoever declared it, by no key, by each scope, and by another tenant. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { SCOPES, type Scope } from "../ground/principal.ts";
import { ABSENT, type OpenApiOperation, type Operation, operationOf, VALID_BODIES } from "../operation.fixture.ts";
import { type Answer, type Service, startService } from "../service.fixture.ts";

interface Entry extends Operation {
  /** A scope; `any` for any key; null for nobody's key: open, or with another proof. */
  access: Scope | "any" | null;
  is_open: boolean;
  whole_service: boolean;
}

let service: Service;
let operations: Entry[];
const keys = {} as Record<Scope, string>;
const foreign = {} as Record<Scope, string>;
beforeAll(async () => {
  service = await startService();
  const text = "The weevil eats grain.";
  await service.call("PUT", "/api/v1/documents/kept", { text, metadata: { collection: "c" } });
  const batch = await service.call("POST", "/api/v1/documents/batch", { documents: [{ id: "kept2", text }] });
  await service.job(batch.json.job_id);
  const spare = await service.call("POST", "/api/v1/keys", { name: "spare", scopes: ["read"] });
  for (const scope of SCOPES) {
    keys[scope] = await service.key({ scopes: [scope] });
    foreign[scope] = await service.key({ scopes: [scope], tenant: "acme" });
  }
  const { json: spec } = await service.call("GET", "/openapi.json", undefined, { key: null });
  const [incident, window] = await Promise.all(
    ["/api/v1/incidents", "/api/v1/maintenance"].map((path) =>
      service.call("POST", path, VALID_BODIES[`POST ${path}`]),
    ),
  );
  await service.call("PUT", "/api/v1/blocklist/203.0.113.7", VALID_BODIES["PUT /api/v1/blocklist/{ip}"]);
  const ids = {
    documents: "kept",
    jobs: batch.json.job_id,
    keys: spare.json.id,
    models: "balanced",
    blocklist: "203.0.113.7",
    incidents: String(incident?.json.id),
    maintenance: String(window?.json.id),
    alerts: "error-rate",
    heartbeats: "backup",
  };
  operations = Object.entries<Record<string, Described>>(spec.paths).flatMap(([path, item]) => {
    const methods = Object.keys(item).map((method) => method.toUpperCase());
    return Object.entries(item).map(([method, described]) =>
      entryOf(method.toUpperCase(), path, described, ids, methods),
    );
  });
  // What takes something away comes last.
  operations.sort((a, b) => Number(a.method === "DELETE") - Number(b.method === "DELETE"));
});
afterAll(() => service.close());

type Described = Omit<OpenApiOperation, "security"> & {
  security: Record<string, string[]>[];
  "x-whole-service"?: boolean;
};

function entryOf(
  method: string,
  path: string,
  described: Described,
  ids: Record<string, string>,
  methods: string[],
): Entry {
  const access = (described.security.find((scheme) => "bearer" in scheme)?.bearer?.[0] ?? null) as Entry["access"];
  return {
    ...operationOf(method, path, described, ids, methods),
    access,
    is_open: described.security.length === 0,
    whole_service: described["x-whole-service"] === true,
  };
}
const called = ({ method, existing, valid }: Entry, key: string | null): Promise<Answer> =>
  service.call(method, existing, valid ?? undefined, {
    key,
    headers: { accept: "application/json, text/event-stream" },
  });
const nameOf = ({ method, path }: Entry) => `${method} ${path}`;
/** The operations for which the answer is not as it should be, with the answer. */
async function wrong(
  entries: Entry[],
  key: (entry: Entry) => string | null,
  isRight: (answer: Answer, entry: Entry) => boolean,
): Promise<string[]> {
  const faults: string[] = [];
  for (const entry of entries) {
    const answer = await called(entry, key(entry));
    if (!isRight(answer, entry)) faults.push(`${nameOf(entry)}: ${answer.status} ${answer.text.slice(0, 200)}`);
  }
  return faults;
}
const withScope = () => operations.filter(({ access }) => access !== null && access !== "any");
const keyOf = ({ access }: Entry, of: Record<Scope, string>) =>
  of[access === "any" || access === null ? "read" : access];

test("there are operations for every scope but one's own debugging", () => {
  const used = new Set(withScope().map(({ access }) => access));
  expect([...used]).toEqual(expect.arrayContaining(["read", "chat", "write", "metrics", "admin"]));
  expect(operations.length).toBeGreaterThan(30);
});

test("without a key, what is not open is 401", async () => {
  const closed = operations.filter(({ is_open }) => !is_open);
  expect(
    await wrong(
      closed,
      () => null,
      ({ status }) => status === 401,
    ),
  ).toEqual([]);
});

test("with a key of any other scope it is 403, and the scope that is missing is named", async () => {
  for (const scope of SCOPES) {
    if (scope === "admin") continue;
    const others = withScope().filter(({ access }) => access !== scope);
    const isRight = ({ status, text }: Answer, { access }: Entry) => status === 403 && text.includes(`\`${access}\``);
    expect(await wrong(others, () => keys[scope], isRight)).toEqual([]);
  }
});

test("what tells of the whole service is 403 for another tenant, whatever its scopes", async () => {
  const whole = operations.filter(({ whole_service }) => whole_service);
  expect(whole.length).toBeGreaterThan(10);
  const isRight = ({ status, json }: Answer) => status === 403 && json.type === "/docs#problem-operator-route";
  expect(await wrong(whole, (entry) => keyOf(entry, foreign), isRight)).toEqual([]);
});

test("what belongs to another tenant is 404", async () => {
  // A PUT makes a document of its own.
  const owned = withScope().filter(
    ({ path, method, whole_service }) => path.includes("{") && !whole_service && method !== "PUT",
  );
  expect(owned.length).toBeGreaterThan(3);
  expect(
    await wrong(
      owned,
      (entry) => keyOf(entry, foreign),
      ({ status }) => status === 404,
    ),
  ).toEqual([]);
});

test("a method that a path does not have is 405, with those that it has", async () => {
  const paths = new Map(operations.map((entry) => [entry.path, entry]));
  for (const { path, existing } of paths.values()) {
    // `/documents/batch` is also a `/documents/{id}`.
    const own = [...paths.values()]
      .filter((other) => new RegExp(`^${other.path.replace(/\{\w+\}/g, "[^/]+")}$`).test(existing))
      .flatMap(({ methods }) => methods);
    // HEAD and OPTIONS come with the others.
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
      if (own.includes(method)) continue;
      const { status, headers } = await service.call(method, existing);
      expect([method, path, status]).toEqual([method, path, 405]);
      expect(headers.get("allow")?.split(", ")).toEqual(expect.arrayContaining(own));
    }
  }
});

/** What there is to do something with only when something is wrong, or configured: the refusal then. */
const NOTHING_YET: Record<string, string> = {
  "POST /api/v1/alerts/{id}/ack": "no-such-alert",
  "POST /api/v1/alerts/test": "no-such-channel",
};

test("with the right key, or none where it is open, it is 2xx, but where there is nothing to find yet", async () => {
  const callable = operations.filter(({ access, is_open }) => access !== null || is_open);
  const key = (entry: Entry) => (entry.is_open ? null : keyOf(entry, keys));
  const isRight = ({ status, json }: Answer, entry: Entry) =>
    (status >= 200 && status < 300) ||
    (entry.existing.endsWith(`/${ABSENT}`) && status === 404) ||
    json.type === `/docs#problem-${NOTHING_YET[nameOf(entry)]}`;
  expect(await wrong(callable, key, isRight)).toEqual([]);
});
