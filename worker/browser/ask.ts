/**
 * The script of `/ask`: sends a question, shows the answer as it is written, and leads from each citation to its passage.
 *
 * Earlier questions and answers go along with the next one; they and the key are in variables of this tab and nowhere else.
 * Answers and passages are only ever text (`dom.ts`).
 */
import { createParser } from "eventsource-parser";
import { counted } from "../ground/counted.ts";
import { HISTORY_MESSAGES_MAX } from "../limits.ts";
import { answerParts, type Cited, type Passage, type Piece, passagePieces } from "./answer-text.ts";
import { el, keyIn, part } from "./dom.ts";
import { count } from "./panel.ts";

const unlock = part("unlock", HTMLFormElement);
const keyField = part("key", HTMLInputElement);
const refusal = part("refusal", HTMLElement);
const board = part("board", HTMLElement);
const form = part("question-form", HTMLFormElement);
const question = part("question", HTMLTextAreaElement);
const send = part("send", HTMLButtonElement);
const stop = part("stop", HTMLButtonElement);
const anew = part("anew", HTMLButtonElement);
const earlier = part("earlier", HTMLElement);
const meant = part("meant", HTMLElement);
const news = part("news", HTMLElement);
const answer = part("answer", HTMLElement);
const text = part("text", HTMLElement);
const usage = part("usage", HTMLElement);
const sources = part("sources", HTMLElement);

/** What `usage`, the last event, says. */
interface Ending {
  tokens_in: number;
  tokens_out: number;
  tokens_saved: number;
  budget_left: number | null;
  found: boolean;
  grounded: boolean;
  model: string | null;
  standalone_question: string | null;
  cached: boolean;
  degraded: string[];
}

let key = "";
let running: AbortController | null = null;
/** What was asked and answered before, as the next request sends it. */
let history: { role: "user" | "assistant"; content: string }[] = [];
let asked = "";
let written = "";
let citations: Cited[] = [];
let passages: Passage[] = [];

unlock.addEventListener("submit", (event) => {
  event.preventDefault();
  key = keyIn(keyField);
  keyField.value = "";
  refusal.textContent = "";
  unlock.hidden = true;
  board.hidden = false;
  question.focus();
});
part("lock", HTMLButtonElement).addEventListener("click", () => lock(""));
stop.addEventListener("click", () => running?.abort());
anew.addEventListener("click", () => {
  running?.abort();
  forget();
  question.focus();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (question.value.trim() !== "") void ask(question.value);
});
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

function lock(reason: string): void {
  running?.abort();
  key = "";
  forget();
  board.hidden = true;
  unlock.hidden = false;
  refusal.textContent = reason;
  keyField.focus();
}

/** Ends the conversation. */
function forget(): void {
  history = [];
  [asked, written, citations, passages] = ["", "", [], []];
  for (const place of [earlier, meant, text, usage, sources, news]) place.replaceChildren();
  question.value = "";
  answer.hidden = true;
  anew.hidden = true;
}

/** Moves the question that was answered, and its answer, above the box. */
function keepEarlier(): void {
  if (asked === "" || text.textContent === "") return;
  history.push({ role: "user", content: asked }, { role: "assistant", content: written });
  // No more than a request may bring; a follow-up hardly ever points further back than a few turns.
  history = history.slice(-HISTORY_MESSAGES_MAX);
  earlier.append(el("details", {}, el("summary", {}, asked), el("p", { class: "text" }, ...text.childNodes)));
  anew.hidden = false;
}

async function ask(message: string): Promise<void> {
  running?.abort();
  keepEarlier();
  asked = message;
  const own = new AbortController();
  running = own;
  [written, citations, passages] = ["", [], []];
  for (const place of [meant, text, usage, sources]) place.replaceChildren();
  answer.hidden = false;
  news.textContent = "Searching …";
  stop.hidden = false;
  send.disabled = true;
  try {
    const response = await fetch("/api/v1/chat", {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ message, history, stream: true }),
      signal: own.signal,
      credentials: "omit",
    });
    if (!response.ok || response.body === null)
      return refused(response.status, await response.json().catch(() => null));
    await read(response.body);
  } catch {
    if (running === own) news.textContent = own.signal.aborted ? "Stopped." : "The connection broke.";
  } finally {
    if (running === own) {
      running = null;
      stop.hidden = true;
      send.disabled = false;
    }
  }
}

function refused(status: number, problem: { detail?: string } | null): void {
  const why = problem?.detail ?? `The service answered ${status}.`;
  answer.hidden = true;
  if (status === 401) lock(why);
  else news.textContent = why;
}

async function read(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  let isEnded = false;
  const parser = createParser({
    onEvent: ({ event, data }) => {
      const value = JSON.parse(data);
      if (event === "sources") showSources(value);
      if (event === "token") showToken(value.text);
      if (event === "citation") citations.push(value);
      if (event === "usage") showEnding(value);
      if (event === "error") broken(value.detail);
      isEnded ||= event === "usage" || event === "error";
    },
  });
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) parser.feed(next.value);
  if (!isEnded) news.textContent = "The answer broke off.";
}

/** What had come until then stays; headings above nothing do not. */
function broken(why: string): void {
  news.textContent = why;
  answer.hidden = written === "" && passages.length === 0;
}

function showToken(more: string): void {
  written += more;
  news.textContent = "Answering …";
  text.textContent = written;
}

function showSources(found: Passage[]): void {
  passages = found;
  sources.replaceChildren(...found.map((passage, index) => passageDetails(passage, index, [])));
}

/** The whole answer with its marks, and the passages with what is cited of them. */
function showEnding(ending: Ending): void {
  news.textContent = endingInWords(ending);
  const parts = answerParts(written, citations, passages);
  text.replaceChildren(...parts.map((one) => (typeof one === "string" ? one : markOf(one.index))));
  sources.replaceChildren(
    ...passages.map((passage, index) =>
      passageDetails(
        passage,
        index,
        citations.filter(({ chunk_id }) => chunk_id === passage.chunk_id),
      ),
    ),
  );
  const { standalone_question } = ending;
  if (standalone_question !== null && standalone_question !== asked)
    meant.textContent = `Understood as: ${standalone_question}`;
  const { tokens_in, tokens_out, tokens_saved, budget_left, model, cached } = ending;
  usage.textContent = [
    `${count(tokens_in)} tokens sent, ${count(tokens_out)} received, ${count(tokens_saved)} saved`,
    ...(cached ? ["from the cache"] : []),
    ...(model === null ? [] : [model]),
    ...(budget_left === null ? [] : [`${counted(budget_left, "question", count(budget_left))} left today`]),
  ].join(" · ");
}

function endingInWords({ found, grounded, degraded }: Ending): string {
  if (written.trim() === "") return "No model answered: these passages are what was found.";
  if (!found) return "The documents do not answer this.";
  if (!grounded) return "Nothing in this answer is cited: it may be invented.";
  return degraded.length === 0 ? "Done." : `Done, without ${degraded.join(", ")}.`;
}

/** A citation in the answer, which opens its passage. */
function markOf(index: number): HTMLElement {
  const button = el(
    "button",
    { type: "button", class: "cite", "aria-label": `Passage ${index + 1}` },
    String(index + 1),
  );
  button.addEventListener("click", () => {
    const details = sources.children[index];
    if (!(details instanceof HTMLDetailsElement)) return;
    details.open = true;
    details.scrollIntoView({ block: "nearest" });
    details.querySelector("summary")?.focus();
  });
  return button;
}

function passageDetails(passage: Passage, index: number, cited: readonly Cited[]): HTMLElement {
  const { title, heading, url, document_id } = passage;
  const pieces = passagePieces(passage.text, cited).map((piece: Piece) =>
    piece.is_cited ? el("mark", {}, piece.text) : piece.text,
  );
  const where = [...new Set([title, heading])].filter((name) => name !== "").join(" › ");
  const isWeb = url !== null && /^https?:/.test(url);
  return el(
    "details",
    {},
    el(
      "summary",
      {},
      el("b", {}, String(index + 1)),
      el("span", {}, where || document_id),
      ...(cited.length > 0 ? [el("em", {}, "cited")] : []),
    ),
    el("p", { class: "text" }, ...pieces),
    ...(isWeb ? [el("p", {}, el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, url))] : []),
  );
}
