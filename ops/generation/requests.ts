/** From what a command was told to the switch that it asks for. */

import { liveOf } from "../../infra/outputs.ts";
import { embeddingModel } from "../../worker/vectors/models.ts";
import { misuse, type OpsError, refusal } from "../command/errors.ts";
import { copyFromLive, replayOnto } from "./copy-database.ts";
import { fromPacks, indexSince, newIndex } from "./copy-vectors.ts";
import type { StoreKind } from "./generations.ts";
import { OtherModel } from "./other-model.ts";
import { readRecord, readWayBack, type SwitchRecord, wayOn } from "./record.ts";
import type { StoreSession } from "./stores.ts";
import type { SwitchRequest } from "./switch.ts";
import { fillableDimensions } from "./vector-rows.ts";

interface NewIndex {
  dimensions?: number | undefined;
  model?: string | undefined;
}

/** New generations with what the live ones have. @throws OpsError when the packs do not hold such vectors. */
export async function moveRequest(
  session: StoreSession,
  stores: readonly StoreKind[],
  { dimensions, model }: NewIndex,
): Promise<SwitchRequest> {
  const by = `ops generation move ${stores.join(" and ")}`;
  const database = stores.includes("database") ? { database: { fill: copyFromLive } } : {};
  if (!stores.includes("vectors")) {
    if (dimensions === undefined && model === undefined) return { ...database, by };
    throw misuse({
      op: "move",
      subject: "database",
      cause: "--dimensions and --model are for vectors",
      hint: "npm run ops -- generation move --help",
    });
  }
  const resources = await session.target.resources();
  const live = liveOf(resources.vectors);
  const wanted = await fillableDimensions(session, resources.database, dimensions ?? live?.dimensions, model);
  return { ...database, vectors: { fill: fromPacks, dimensions: wanted }, by };
}

/** Back to the generations before the last switch. @throws OpsError with exit code 3 when there is no such way. */
export async function undoRequest(session: StoreSession, stores: readonly StoreKind[]): Promise<SwitchRequest> {
  const request: SwitchRequest = { by: `ops generation undo ${stores.join(" and ")}` };
  const resources = await session.target.resources();
  const isInterrupted = (await readRecord(session.bucket, session.steady)) !== null;
  for (const store of stores) {
    const way = await readWayBack(session.bucket, store, session.steady);
    const { live } = resources[store];
    if (way === null || (way.to !== live && !isInterrupted)) {
      throw refused(
        "undo",
        `the switch of ${store}`,
        way === null ? "there was none" : `g${live} is live, and the last switch was to g${way.to}`,
        "npm run ops -- generation list",
      );
    }
    const change = way.embedding_model;
    if (change !== null) {
      if (stores.length === 1)
        throw refused(
          "undo",
          `the switch of ${store} alone`,
          `it changed the embedding model to ${change.to}, for which database and vectors belong together`,
          "npm run ops -- generation undo all",
        );
      request.embedding_model = { from: change.to, to: change.from };
    }
    if (store === "database") request.database = { fill: replayOnto(way.seq), to: way.from };
    else request.vectors = { fill: indexSince(way.seq, await otherModel(session, change?.from)), to: way.from };
  }
  return request;
}

/** As the stack's variables configure it; null for none. */
export async function otherModel({ driver }: StoreSession, id: string | undefined): Promise<OtherModel | null> {
  if (id === undefined) return null;
  const variables = ((await driver.getConfig("variables")) ?? {}) as Record<string, string>;
  return new OtherModel(embeddingModel({ ...variables, EMBEDDING_MODEL: id }));
}

/** Of the ids that `newIndex` and `indexSince` give. */
const VECTORS_FILL = /^(?:packs|embed (?<made_by>.+)|replay (?<seq>\d+)(?: embed (?<back_to>.+))?)$/;

/** An interrupted switch, and the request that it was begun with. @throws OpsError with exit code 3 when another command began it. */
export async function interruptedRequest(
  session: StoreSession,
): Promise<{ request: SwitchRequest; record: SwitchRecord }> {
  const found = await readRecord(session.bucket, session.steady);
  if (found === null) throw refused("resume", "a switch", "none was interrupted", "npm run ops -- generation list");
  const { database, vectors, embedding_model } = found.value;
  const seqOf = (id: string): number => Number(/^replay (\d+)$/.exec(id)?.[1]);
  const isOurs = (id: string | undefined) => id === undefined || id === "copy" || seqOf(id) >= 0;
  const ofVectors = VECTORS_FILL.exec(vectors?.fill ?? "packs")?.groups;
  if (!isOurs(database?.fill) || (vectors !== null && !VECTORS_FILL.test(vectors.fill))) {
    throw refused(
      "resume",
      "the switch",
      `it fills by ${[database?.fill, vectors?.fill].filter((id) => id !== undefined).join(" and ")}`,
      `${wayOn(found.value)} goes on with it, npm run ops -- generation cancel gives it up`,
    );
  }
  const request: SwitchRequest = {
    ...(database && {
      database: { fill: database.fill === "copy" ? copyFromLive : replayOnto(seqOf(database.fill)), to: database.to },
    }),
    ...(vectors && {
      vectors: {
        fill:
          ofVectors?.seq === undefined
            ? newIndex(await otherModel(session, ofVectors?.made_by))
            : indexSince(Number(ofVectors.seq), await otherModel(session, ofVectors.back_to)),
        to: vectors.to,
      },
    }),
    ...(embedding_model && { embedding_model }),
    by: "ops generation resume",
  };
  return { request, record: found.value };
}

function refused(op: string, subject: string, cause: string, hint: string): OpsError {
  return refusal({ op, subject, cause, hint });
}
