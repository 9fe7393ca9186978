/** Ratings of answers: feedback of the people who asked. */
import { feedbackStatement } from "../store/feedback.ts";
import type { Work } from "../work.ts";
import { type Outcome, writeOrDefer } from "./defer.ts";

/** What the caller thinks of the answer to `request_id`. */
interface Rating {
  request_id: string;
  /** 1 (useless) to 5. */
  rating: number;
  comment: string | null;
}

/** Stores a rating in the place of an earlier one by the same key. */
export async function rateAnswer(work: Work, rating: Rating): Promise<Outcome<Rating>> {
  const { key_id, tenant } = work.caller;
  const feedback = { ...rating, key_id, tenant, created_at_ms: work.clock_ms() };
  return writeOrDefer(
    work,
    { write: { type: "feedback", feedback }, received_at_ms: feedback.created_at_ms },
    async () => {
      await feedbackStatement(work.stores.db, feedback).run();
      return rating;
    },
  );
}
