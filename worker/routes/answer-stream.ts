/** An answer while it is made: drawn to its end, or shown piece by piece in the words of the face that was asked. */
import type { Context } from "hono";
import { type SSEMessage, streamSSE } from "hono/streaming";
import type { Problem } from "../ground/problem.ts";
import type { AnswerEvent } from "../rag/answer/answer.ts";
import type { ChatAnswer } from "../schemas/search.ts";
import type { App } from "../security/context.ts";
import { problemOf } from "../security/failures.ts";

type Answering = AsyncGenerator<AnswerEvent, ChatAnswer>;

/** How a face says what happens; an empty list says nothing. */
interface Wording {
  event(event: AnswerEvent): SSEMessage[];
  whole(answer: ChatAnswer): SSEMessage[];
  failure(problem: Problem): SSEMessage[];
}

/** Runs an answer to its end, showing each event. */
export async function drain(
  answering: Answering,
  show: (event: AnswerEvent) => unknown = () => {},
): Promise<ChatAnswer> {
  for (;;) {
    const next = await answering.next();
    if (next.done) return next.value;
    await show(next.value);
  }
}

/**
 * A stream of events. Whoever stops reading stops the model (`Work.awaitedStores`); what it has said by then is booked.
 */
export function streamed(c: Context<App>, answering: Answering, wording: Wording): Response {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  c.var.work.usage.settled = promise;
  return streamSSE(c, async (sse) => {
    const send = async (messages: SSEMessage[]) => {
      for (const message of messages) await sse.writeSSE(message);
    };
    try {
      await send(wording.whole(await drain(answering, (event) => send(wording.event(event)))));
      resolve(undefined);
    } catch (error) {
      // The status line is long gone: the stream itself must say that it is not complete.
      resolve(error);
      await send(wording.failure(problemOf(error)));
    }
  });
}
