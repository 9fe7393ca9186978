/**
 * Leaves out what a reasoning model thinks aloud before its answer: `<think>…</think>` and its like at the very beginning. Pure.
 *
 * Only there: further on the same characters are text, which is never changed. A model whose template opens the block by itself
 * and only sends `</think>` cannot be told from one that quotes it; such servers have a setting that splits the reasoning off.
 */

/** How templates open and close the block. */
const TAGS = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<thought>", "</thought>"],
  ["<reasoning>", "</reasoning>"],
  ["<seed:think>", "</seed:think>"],
  ["[THINK]", "[/THINK]"],
  ["◁think▷", "◁/think▷"],
] as const;

/** One instance for each answer; `push` the pieces in order, then `finish` once. */
export class ReasoningFilter {
  #held = "";
  #state: "undecided" | "thinking" | "thought" | "answering" = "undecided";
  #closer = "";

  /** What of the answer may be shown after this piece. */
  push(piece: string): string {
    if (this.#state === "answering") return piece;
    this.#held += piece;
    if (this.#state === "undecided") {
      const begun = this.#held.trimStart();
      const [opener, closer] = TAGS.find(([opener]) => begun.startsWith(opener)) ?? [];
      if (opener !== undefined && closer !== undefined) {
        this.#state = "thinking";
        this.#closer = closer;
        this.#held = begun.slice(opener.length);
      } else if (TAGS.every(([opener]) => !opener.startsWith(begun))) return this.#answer(this.#held);
    }
    if (this.#state === "thinking") {
      const end = this.#held.indexOf(this.#closer);
      // Thoughts may be long: only what could be the beginning of their end is kept.
      if (end < 0) this.#held = this.#held.slice(-this.#closer.length);
      else {
        this.#state = "thought";
        this.#held = this.#held.slice(end + this.#closer.length);
      }
    }
    // White space between thoughts and answer belongs to neither.
    if (this.#state !== "thought" || this.#held.trim() === "") return "";
    return this.#answer(this.#held.trimStart());
  }

  /** What was held back when the answer ended: nothing of a thought that never ended. */
  finish(): string {
    return this.#state === "undecided" ? this.#answer(this.#held) : "";
  }

  #answer(text: string): string {
    this.#state = "answering";
    this.#held = "";
    return text;
  }
}
