// placeholder by the lead until helper "answers" writes this file: overwrite freely
import { parsePrompt } from "../../../worker/rag/prompt.ts";
export function answerExtractively(messages: { role: string; content: string }[]): { text: string } { const p = parsePrompt(messages); const first = p?.passages[0]; return { text: first ? `${first.text.slice(0, 200)} [${first.chunk_id}]` : "not found in the documents" }; }
