/** `ops index rebuild`: a new database and a new index beside the live ones, by another model where one is named, and a switch. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { EMBEDDING_TEXTS_PER_CALL_MAX } from "../../worker/limits.ts";
import { embed } from "../../worker/vectors/embed.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, OpsError } from "../command/errors.ts";
import { queryNumber } from "../d1/query.ts";
import { copyFromLive } from "../generation/copy-database.ts";
import { newIndex } from "../generation/copy-vectors.ts";
import { STORES } from "../generation/generations.ts";
import { type OtherModel, restEmbedder } from "../generation/other-model.ts";
import { moveRequest, otherModel } from "../generation/requests.ts";
import { databaseOf, type StoreSession, withSession } from "../generation/stores.ts";
import type { SwitchRequest } from "../generation/switch.ts";
import { propose, SWITCH_NOTES, switchOutput } from "../generation/switch-outcome.ts";
import { servingBindings } from "../restore/situation.ts";

const BY = "ops index rebuild";

export const indexRebuild = defineCommand({
  path: "index rebuild",
  group: "index",
  summary:
    "make database, full text and vector index anew beside the live ones, verify, switch; change the embedding model",
  notes: `Rows are copied and compared, full text is made from them, vectors come out of their packs: that embeds nothing. With --embedding-model
every text is embedded by that model (neurons, and minutes for many texts), once however often the command is interrupted, and the Worker gets
the variable EMBEDDING_MODEL with the new stores, so that vectors of two models never meet. ${SWITCH_NOTES} The old generation stays for 7 days:
npm run ops -- generation undo all goes back, model included, with everything written since. Damaged packs: npm run ops -- index check --repair first.`,
  risk: "destructive",
  options: z.object({
    embedding_model: z
      .string()
      .min(1)
      .optional()
      .meta({ placeholder: "id", description: "another model, as Workers AI names it" }),
  }),
  output: switchOutput,
  examples: [
    "index rebuild --dry-run",
    "index rebuild --yes",
    "index rebuild --embedding-model @cf/baai/bge-base-en-v1.5 --yes --json",
  ],
  run: (invocation, { embedding_model }) =>
    withSession(invocation, async (session) =>
      propose(session, invocation, "rebuild", await rebuildRequest(session, embedding_model)),
    ),
});

/** @throws OpsError when the model does not answer, or the packs do not hold what the live index does. */
async function rebuildRequest(session: StoreSession, model_id: string | undefined): Promise<SwitchRequest> {
  const resources = await session.target.resources();
  const bindings = await servingBindings(session, resources);
  const from = String(bindings.find(({ name }) => name === "EMBEDDING_MODEL")?.text ?? "");
  const other = model_id === from ? null : await otherModel(session, model_id);
  if (other === null) return { ...(await moveRequest(session, STORES, {})), by: BY };
  const dimensions = await dimensionsOf(session, other);
  const live = databaseOf(session, resources, resources.database.live);
  const texts = live === undefined ? 0 : await queryNumber(live.connection, "SELECT count(*) FROM chunks");
  const calls = Math.ceil(texts / EMBEDDING_TEXTS_PER_CALL_MAX);
  session.note(`${counted(texts, "text")}, ${counted(calls, "call")} of Workers AI at most; ${dimensions} dimensions.`);
  return {
    database: { fill: copyFromLive },
    vectors: { fill: newIndex(other), dimensions },
    embedding_model: { from, to: other.model.id },
    by: BY,
  };
}

/** The model is asked before anything is made: a name that is wrong, or a token that may not, is met here. */
async function dimensionsOf(session: StoreSession, { model }: OtherModel): Promise<number> {
  try {
    const [vector] = await embed(restEmbedder(session), model, ["dimensions"], "passage");
    return vector?.length ?? 0;
  } catch (thrown) {
    throw new OpsError(
      {
        op: "embed with",
        subject: model.id,
        cause: asOpsError(thrown).parts.cause,
        hint: "nothing was changed; https://developers.cloudflare.com/workers-ai/models/ has the names, and the token needs Workers AI Read",
      },
      { error: thrown },
    );
  }
}
