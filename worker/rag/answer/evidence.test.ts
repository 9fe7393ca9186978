import { describe, expect, test } from "vitest";
import { EVIDENCE_MIN, evidence } from "./evidence.ts";
import { readQuestion } from "./question.ts";
import { readHit } from "./reading.ts";

const DOCUMENTS = [
  ["Queues", "A message that fails three times moves to the dead-letter queue. Dead letters are kept for four days."],
  ["Keys", "A leaked API key is revoked with `ops keys revoke`. Revocation acts within ten seconds in every location."],
  ["Costs", "The free plan includes 100 000 requests a day. The price of further requests depends on the plan."],
  ["Search", "When Vectorize is down, the search falls back to full text. The best hits win a place in the context."],
  ["Clusters", "Workers run in data centres all over the world, close to the capital cities of most countries."],
  ["Tests", 'Ask something else: `curl -d \'{"message": "Who won the 1954 football world cup?"}\'` finds nothing.'],
] as const;

function found(query: string): number {
  const question = readQuestion(query);
  const hits = DOCUMENTS.map(([title, text]) => readHit(question, { title, heading: "", text, scores: { fused: 1 } }));
  return evidence(question, hits);
}

describe("evidence", () => {
  test.each([
    "What is the capital of France?",
    "Who won the 1998 world cup?",
    "Who won the 1954 football world cup?",
    "How do I bake sourdough bread?",
    "Who is the president of the United States?",
    "",
    "??",
  ])("is below the limit for a question outside the documents: %s", (query) => {
    expect(found(query)).toBeLessThan(EVIDENCE_MIN);
  });

  test.each([
    "What happens when Vectorize is down?",
    "how long are dead letters kept",
    "How do I revoke a leaked key?",
    "How many requests does the free plan include per day?",
  ])("is above the limit for a question that the documents answer: %s", (query) => {
    expect(found(query)).toBeGreaterThan(EVIDENCE_MIN);
  });

  test.each([
    "Which keys does Redis need when one has leaked?",
    "Does a leaked key work with Google Drive?",
    "How many requests a day does the free plan of Stripe include?",
    "What does `ops keys rotate` do to a leaked API key?",
    "Does --dry-run revoke a leaked API key?",
    "Does keyTimeout revoke a leaked API key?",
    "Does revoke_all() revoke a leaked API key?",
    "Does LEAKED_KEYS_MAX revoke a leaked API key?",
    "What does a Workers 9PX cost per request?",
    "When was Vectorize 3.1 released?",
    "When is Vectorize/3 down?",
    "Does the search fall back to Vectorize 2?",
  ])("is nothing for a thing that no text names, whatever else they say: %s", (query) => {
    expect(found(query)).toBe(0);
  });

  test.each([
    "How do I use `ops keys revoke` for a leaked API key?",
    "How Do I Revoke A Leaked Key?",
    "A key has leaked. Revoke it how?",
    "Does the European location revoke a leaked key?",
    "Wie wird ein Key widerrufen, wenn der Schlüssel im Internet leaked?",
  ])("what is spelt as the texts spell it, or is no name, bars no answer: %s", (query) => {
    expect(found(query)).toBeGreaterThan(0);
  });

  const one = (query: string, text: string): number => {
    const question = readQuestion(query);
    return evidence(question, [readHit(question, { title: "", heading: "", text, scores: { fused: 1 } })]);
  };

  test.each([
    ["Does the mill grind over HTTP/2?", "The mill grinds over HTTP 2."],
    ["Does the mill need Python 3?", "The mill needs Python3."],
    ["Which versions does Kelm 5.0.0 take?", "Kelm takes `5.0.0` and later versions."],
    ["Who painted ABC's 1998 sign?", "ABC had a sign painted in 1998."],
  ])("%s: a number belongs to a name as a text may write it: %s", (query, text) => {
    expect(one(query, text)).toBeGreaterThan(0);
  });

  test("a compound is found in either spelling, and says no more than its parts", () => {
    const spelt = ["A rain-gauge stands there.", "A rain gauge stands there.", "A raingauge stands there."];
    const [first = 0, ...others] = spelt.map((text) => one("Where does the rain-gauge stand?", text));
    expect(first).toBeGreaterThan(EVIDENCE_MIN);
    for (const other of others) expect(other).toBeCloseTo(first);
  });

  test("a word that may stand for an asked one says less than the word itself, and more than none", () => {
    const texts = ["The guild erases berths.", "The guild removes berths.", "The guild paints berths."];
    const [said = 0, otherwise = 0, unsaid = 0] = texts.map((text) => one("How does the guild erase berths?", text));
    expect(said).toBeGreaterThan(otherwise);
    expect(otherwise).toBeGreaterThan(unsaid);
  });

  test("nothing stands for a name", () => {
    const texts = ["The guild uses Erase for berths.", "The guild uses Remove for berths."];
    const [named = 0, other = 0] = texts.map((text) => one("How does the guild use Erase for berths?", text));
    expect(named).toBeGreaterThan(EVIDENCE_MIN);
    expect(other).toBe(0);
  });

  test.each([
    [
      "At how many hectopascal is valve a77 calibrated?",
      "Valve b77 is calibrated at 731 hectopascal.",
      "Valve A-77 is calibrated at 731 hectopascal.",
    ],
    ["Is there a KX-5?", "There is a KX-4, of 5 kg.", "There is a KX 5."],
    ["What is HTTP/3?", "HTTP/2 has 3 flaws.", "HTTP/3 runs over QUIC."],
    ["How heavy is frame 9c4f01?", "Frame 9c4f02 is 40 kg heavy.", "Frame 9C4F01 is 40 kg heavy."],
  ])("%s: another number is another thing", (query, other, same) => {
    expect(one(query, other)).toBe(0);
    expect(one(query, same)).toBeGreaterThan(EVIDENCE_MIN);
  });

  test.each([
    ["Does it run on k8s clusters?", "It runs on Kubernetes clusters."],
    ["Does it run on python3 hosts?", "It runs on Python hosts."],
  ])("%s: a word that is short for another need not stand in the text", (query, text) => {
    expect(one(query, text)).toBeGreaterThan(0);
  });

  test("a question that tells a story around what it asks is not doubted for the story", () => {
    const text = "A frame that creaks is cured with oil. Oil is kept below the stairs.";
    const story = "My uncle came over for dinner and laughed, since the frame creaks in the wind. How is it cured?";
    expect(one(story, text)).toBeGreaterThan(EVIDENCE_MIN);
  });

  test("what stands for words, as RAM and PDF do, may be written out in a text", () => {
    const text = "Plan for three times the memory that the zone file has.";
    expect(one("How much RAM does the zone file need?", text)).toBeGreaterThan(0);
  });

  test("a name in the address of a link is named, but not spoken of", () => {
    const text = "Dashboards come from [the makers](https://grafana.example/dashboards) of the exporter.";
    expect(one("How are rules imported from Grafana?", text)).toBeLessThan(EVIDENCE_MIN);
    expect(one("Where do dashboards of the Grafana exporter come from?", text)).toBeGreaterThan(EVIDENCE_MIN);
  });

  test("only what is said around a sentence that may answer is near the answer", () => {
    const question = readQuestion("How long are dead letters kept?");
    const read = (text: string) => [readHit(question, { title: "", heading: "", text, scores: { fused: 1 } })];
    const [day, far] = ["Dead letters are kept for four days.", "Dead letters are kept. Or not. So it is. Four days."];
    const mayAnswer = ({ text }: { text: string }) => text.includes("days");
    expect(evidence(question, read(day), mayAnswer)).toBe(evidence(question, read(day)));
    expect(evidence(question, read(far), mayAnswer)).toBeLessThan(evidence(question, read(far)));
  });

  test("is nothing without hits", () => {
    expect(evidence(readQuestion("What is a queue?"), [])).toBe(0);
  });
});
