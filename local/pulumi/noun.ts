/** How one resource type is made, read, changed and deleted through the REST API; two shapes cover nearly all of them. */
import type { Properties } from "../../infra/provider/plugin.ts";

/** Calls below `/accounts/<id>` or `/zones/<id>`; answers are the envelope's `result`. What they throw has the SDK's error as cause. */
export interface OwnersApi {
  get(path: string): Promise<Properties>;
  send(method: "post" | "put" | "patch" | "delete", path: string, body?: unknown): Promise<Properties>;
}

/** What was declared: as Pulumi spells it, and as the API does. */
export interface Declared {
  given: Properties;
  body: Properties;
}

export interface Noun {
  /** Properties that a change replaces the resource for, beside `accountId`. */
  fixed: readonly string[] | "all";
  /** The API spells this resource's properties as Pulumi does. */
  spelled_alike?: boolean;
  /** What an id given to an import consists of, `id` being the resource's own. */
  import_path: readonly string[];
  create(api: OwnersApi, declared: Declared): Promise<{ id: string; live: Properties }>;
  /** Null when it is gone. `known` is what state has, or what the import's id says. */
  read(api: OwnersApi, id: string, known: Properties): Promise<Properties | null>;
  update(api: OwnersApi, id: string, declared: Declared): Promise<Properties>;
  delete(api: OwnersApi, id: string, known: Properties): Promise<void>;
}

interface Collection {
  /** From the resource's properties to the path that lists its kind. */
  path: (properties: Properties) => string;
  /** Field of the answer that holds the id. */
  id: string;
  /** What the whole takes to have one more; POST unless said otherwise. */
  add?: "put";
  change: "put" | "patch" | null;
  fixed: Noun["fixed"];
  spelled_alike?: boolean;
  import_path?: readonly string[];
  /** The body where it is more than a change of spelling. */
  body?: (declared: Declared) => Properties;
  /** The answer where it is more than a change of spelling. */
  shown?: (live: Properties) => Properties;
  /** What the creation does not take. */
  after_create?: (api: OwnersApi, id: string, declared: Declared) => Promise<unknown>;
}

/** One of many below a path: POST (or `add`) makes it, GET, PUT or PATCH and DELETE take its id. */
export function collection(options: Collection): Noun {
  const { path, change, body = ({ body }) => body, shown = (live) => live, after_create } = options;
  const one = (id: string, properties: Properties) => `${path(properties)}/${encodeURIComponent(id)}`;
  return {
    fixed: options.fixed,
    spelled_alike: options.spelled_alike ?? false,
    import_path: options.import_path ?? ["accountId", "id"],
    async create(api, declared) {
      const created = await api.send(options.add ?? "post", path(declared.given), body(declared));
      const id = String(created[options.id]);
      await after_create?.(api, id, declared);
      // Some creations answer with an id only, and some show what no later answer does.
      return { id, live: shown({ ...created, ...(await api.get(one(id, declared.given))) }) };
    },
    read: (api, id, known) => unlessGone(async () => shown(await api.get(one(id, known)))),
    async update(api, id, declared) {
      if (change) await api.send(change, one(id, declared.given), body(declared));
      return shown(await api.get(one(id, declared.given)));
    },
    async delete(api, id, known) {
      await unlessGone(() => api.send("delete", one(id, known)));
    },
  };
}

interface Setting {
  path: (properties: Properties) => string;
  /** The property that says whose setting it is: the id. */
  of: string;
  change: "put" | "post";
  spelled_alike?: boolean;
  body?: (declared: Declared) => unknown;
  clear: (api: OwnersApi, path: string) => Promise<unknown>;
}

/** Something that its owner always has: it is set, and cleared instead of deleted. */
export function setting({ path, of, change, spelled_alike = false, body = ({ body }) => body, clear }: Setting): Noun {
  const put = async (api: OwnersApi, declared: Declared) => {
    await api.send(change, path(declared.given), body(declared));
    return { ...(await api.get(path(declared.given))), ...declared.body };
  };
  return {
    fixed: [of],
    spelled_alike,
    import_path: ["accountId", of],
    create: async (api, declared) => ({ id: String(declared.given[of]), live: await put(api, declared) }),
    read: (api, _id, known) => unlessGone(() => api.get(path(known))),
    update: (api, _id, declared) => put(api, declared),
    delete: async (api, _id, known) => {
      await unlessGone(() => clear(api, path(known)));
    },
  };
}

async function unlessGone<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    // By its shape: the class is a thousand files, and `ops adopt` only asks what kinds there are.
    const status = cause instanceof Error && "status" in cause ? cause.status : null;
    if (status === 404 || status === 410) return null;
    throw error;
  }
}
