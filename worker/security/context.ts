/** What middleware leaves for routes: one type, so that every route sees the same request. */
import type { Env } from "../env.ts";
import type { ModeState } from "../ground/mode.ts";
import type { ReceivedFile } from "../rag/ingest/convert-file.ts";
import type { HeldKey } from "../store/idempotency.ts";
import type { Work } from "../work.ts";
import type { Credential, Proof } from "./credential.ts";

interface Variables {
  work: Work;
  /** What the request presents, and its proof if this isolate has one. */
  credential: { presented: Credential | "malformed" | null; proof: Proof | null };
  /** What the operator has set. */
  mode: ModeState;
  /** The Idempotency-Key that the request holds; absent without one. */
  idempotency: HeldKey | undefined;
  /** Set when the write was deferred: its answer is kept with it. */
  deferred: true | undefined;
  /** The body as received, or what tells a file and its fields from others; set for routes with a body. */
  body_text: string | undefined;
  /** The body of a route that takes files, where it is one: with the fields beside it. */
  file: (ReceivedFile & { fields: Record<string, string> }) | undefined;
}

export type App = { Bindings: Env; Variables: Variables };
