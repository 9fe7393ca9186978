/**
 * Leaves out what a reasoning model thinks aloud before its answer, `<think>…</think>` and its like at the very beginning, and the signs
 * of its template by which its turn ends. Pure.
 *
 * Only there: further on the same characters are text, which is never changed. A model whose template opens the block by itself
 * and only sends `</think>` cannot be told from one that quotes it; such servers have a setting that splits the reasoning off.
 */

/** How templates open and close the block, in lower case. */
const TAGS: readonly (readonly [string, string])[] = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<thought>", "</thought>"],
  ["<reasoning>", "</reasoning>"],
  ["<reflection>", "</reflection>"],
  ["<seed:think>", "</seed:think>"],
  ["[think]", "[/think]"],
  ["◁think▷", "◁/think▷"],
  ["<|begin_of_thought|>", "<|end_of_thought|>"],
  ["<unused94>", "<unused95>"],
  // Of gpt-oss, where a server does not read them: the answer is what it says last.
  ["<|channel|>analysis<|message|>", "<|end|>"],
  ["<|start|>assistant<|channel|>analysis<|message|>", "<|end|>"],
];
/** What stands before the answer itself. */
const ANSWER_OPENERS = ["<|start|>assistant<|channel|>final<|message|>", "<|channel|>final<|message|>"];
const OPENERS = [...TAGS.map(([opener]) => opener), ...ANSWER_OPENERS];
/** By which a turn ends, where a server does not know it: the end of an answer, never inside of one. */
const TURN_ENDS = [
  ..."<|im_end|> <|eot_id|> <|eom_id|> <|end|> <|return|> <|end_of_text|> <|endoftext|>".split(" "),
  ..."</s> <end_of_turn> <eos> <｜end▁of▁sentence｜> [EOS]".split(" "),
];
const TURN_END_CHARS_MAX = Math.max(...TURN_ENDS.map((end) => end.length));

/** One instance for each answer; `push` the pieces in order, then `finish` once. */
export class ReasoningFilter {
  #held = "";
  #state: "undecided" | "thinking" | "answering" = "undecided";
  #closer = "";
  /** White space between thoughts and answer belongs to neither. */
  #has_thought = false;

  /** What of the answer may be shown after this piece. */
  push(piece: string): string {
    this.#held += piece;
    for (;;) {
      if (this.#state === "answering") return this.#shown();
      if (this.#state === "thinking" && !this.#skip()) return "";
      if (!this.#decide()) return "";
    }
  }

  /** What was held back when the answer ended: nothing of a thought that never ended, nor of the sign that ends a turn. */
  finish(): string {
    if (this.#state === "thinking") return "";
    if (this.#state === "undecided" && this.#has_thought) this.#held = this.#held.trimStart();
    const end = TURN_ENDS.find((sign) => this.#held.trimEnd().endsWith(sign));
    return end === undefined ? this.#held : this.#held.trimEnd().slice(0, -end.length);
  }

  /** Whether it is known what the answer, or what is behind a thought, begins with. */
  #decide(): boolean {
    const begun = this.#held.trimStart();
    const lower = begun.toLowerCase();
    const opener = OPENERS.find((known) => lower.startsWith(known));
    if (opener === undefined) {
      if (OPENERS.some((known) => known.startsWith(lower))) return false;
      if (this.#has_thought) this.#held = begun;
      this.#state = "answering";
      return true;
    }
    this.#has_thought = true;
    this.#held = begun.slice(opener.length);
    const tag = TAGS.find(([known]) => known === opener);
    if (tag === undefined) this.#state = "answering";
    else {
      this.#closer = tag[1];
      this.#state = "thinking";
    }
    return true;
  }

  /** Reads on to the end of the thought; whether that has come. Thoughts may be long: only what could be the beginning of their end is kept. */
  #skip(): boolean {
    const end = this.#held.toLowerCase().indexOf(this.#closer);
    if (end < 0) {
      this.#held = this.#held.slice(-this.#closer.length);
      return false;
    }
    this.#held = this.#held.slice(end + this.#closer.length);
    this.#state = "undecided";
    return true;
  }

  /** All but an end that may become the sign of one. */
  #shown(): string {
    const from = Math.max(0, this.#held.trimEnd().length - TURN_END_CHARS_MAX);
    let keep = this.#held.length;
    for (let at = from; at < this.#held.length; at++) {
      const tail = this.#held.slice(at).trimEnd();
      if (tail === "" || !TURN_ENDS.some((sign) => sign.startsWith(tail))) continue;
      keep = at;
      break;
    }
    const shown = this.#held.slice(0, keep);
    this.#held = this.#held.slice(keep);
    return shown;
  }
}
