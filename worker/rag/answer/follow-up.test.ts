import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CARRIED_WORDS_MAX } from "../../limits.ts";
import type { Turn } from "./conversation.ts";
import { standaloneByRule } from "./follow-up.ts";

const completed = (question: string, ...earlier: string[]) =>
  standaloneByRule(
    question,
    earlier.map((content): Turn => ({ role: "user", content })),
  );

describe("what a question leaves out is taken from the one before", () => {
  test.each([
    [
      "And on the free plan?",
      "How long are backups kept on the paid plan?",
      "How long are backups kept on the free plan?",
    ],
    ["Und im kostenlosen Tarif?", "Was kostet Hilfe im bezahlten Tarif?", "Was kostet Hilfe im kostenlosen Tarif?"],
    ["What about Japanese?", "How are words of English cut?", "How are words of English cut? What about Japanese?"],
    [
      "¿Y las películas?",
      "¿Cuántos días se prestan los libros?",
      "¿Cuántos días se prestan los libros? ¿Y las películas?",
    ],
    ["How do I verify it?", "What does the audit log hold?", "How do I verify it? (audit log hold)"],
    ["Wie lange dauert das?", "Wie zieht ein Projekt um?", "Wie lange dauert das? (zieht Projekt um)"],
    ["¿Hay que devolverlos?", "¿Dónde están los libros?", "¿Hay que devolverlos? (libros)"],
    ["Why?", "Are backups encrypted?", "Why? (backups encrypted)"],
    ["What is the limit?", "Can a query be empty?", "What is the limit? (query empty)"],
    ["Which status codes?", "Which methods does it retry?", "Which status codes does it retry?"],
    ["Und wie viele Projekte?", "Wie viele Leute hat der freie Tarif?", "wie viele Projekte hat der freie Tarif?"],
    ["¿Y cuántas reservas?", "¿Cuántos libros puedo llevarme?", "¿cuántas reservas puedo llevarme?"],
    ["When the body times out?", "Can a header be large?", "Can a header be large? When the body times out?"],
    [
      "Wenn der Platz voll ist?",
      "Wer löscht alte Sicherungen?",
      "Wer löscht alte Sicherungen? Wenn der Platz voll ist?",
    ],
    ["¿Hace falta gorro para entrar en ella?", "¿La piscina?", "¿Hace falta gorro para entrar en ella? (piscina)"],
    ["Do I need a cap to enter it?", "The pool?", "Do I need a cap to enter it? (pool)"],
    ["To everyone except its sender?", "How do I broadcast?", "How do I broadcast? To everyone except its sender?"],
    ["Wo kommen die nach vier Wochen hin?", "Was sind Fundsachen?", "Wo kommen die nach vier Wochen hin? (Fundsachen)"],
    ["An welchen Tagen findet der statt?", "Ein Kurs?", "An welchen Tagen findet der statt? (Kurs)"],
  ])("%s", (question, earlier, whole) => {
    expect(completed(question, earlier)).toBe(whole);
  });

  test("through several turns, over a question that needed none", () => {
    const plans = ["How long are backups kept on the paid plan?", "And on the free plan?"];
    expect(completed("Who may restore them?", ...plans)).toBe("Who may restore them? (backups kept free plan)");
    expect(completed("Who may restore it?", ...plans, "How is the audit log archived?")).toBe(
      "Who may restore it? (audit log archived)",
    );
  });

  test("by its length and what it repeats, in a language without a list", () => {
    expect(completed("Et un billet réduit ?", "Combien coûte un billet ?")).toBe(
      "Et un billet réduit ? (Combien coûte)",
    );
    expect(completed("無料プランでは？", "有料プランのバックアップ")).toBe(
      "無料プランでは？ (有料プランのバックアップ)",
    );
  });
});

test.each([
  ["How do I report a vulnerability?", "How long are backups kept?"],
  ["Are batches of documents atomic?", "Why are alerts escalated?"],
  ["What happens if a database hangs while it is copied?", "Who is on call?"],
  ["Is there a limit on the key that leaked?", "How do vectors get weights?"],
  ["And how often does cron verify the archive?", "How does the Worker evaluate rules?"],
  ["How do both legs get one weight?", "Which modes are there?"],
  ["Who is told when the disk is full?", "Which backups does it keep?"],
  ["Which regions are there for data?", "Which backups does it keep?"],
  ["When is the archive verified?", "Why are alerts escalated?"],
  ["When the disk is full, who is told about backups?", "Why are alerts escalated?"],
  ["Wie lange gelten Zugangsschlüssel?", "Welche Rollen gibt es?"],
  ["Wo stehen Schlüssel, die nicht mehr gelten?", "Welche Rollen gibt es?"],
  ["Welche Regionen gibt es für die Daten?", "Wie lange gelten Schlüssel?"],
  ["¿Se puede beber agua en las salas?", "¿Qué multa tiene un retraso?"],
  ["Quelle remise ont les amis du musée à la boutique ?", "Quand ont lieu les ateliers ?"],
])("%s: a new topic is not dragged back to the old one", (question, earlier) => {
  expect(completed(question, earlier)).toBe(question);
});

const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.lorem({ mode: "sentences", maxCount: 2 }));
const turn = fc.record({ role: fc.constantFrom("user" as const, "assistant" as const), content: text });

test("whatever was said, the question keeps its words, and is given few others, all of them said before", () => {
  fc.assert(
    fc.property(text, fc.array(turn, { maxLength: 6 }), (question, turns) => {
      const whole = standaloneByRule(question, turns);
      const said = turns.map(({ content }) => content).join(" ");
      for (const word of whole.match(/[\p{L}\p{N}]+/gu) ?? []) expect(`${said} ${question}`).toContain(word);
      const carried = / \(([^()]*)\)$/.exec(whole.slice(question.trim().length));
      if (carried) expect((carried[1] ?? "").split(" ").length).toBeLessThanOrEqual(CARRIED_WORDS_MAX);
      if (turns.every(({ role }) => role === "assistant")) expect(whole).toBe(question.trim());
    }),
  );
});
