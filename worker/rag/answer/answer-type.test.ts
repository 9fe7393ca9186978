import { describe, expect, test } from "vitest";
import { answerType, holdsType, valueForm } from "./answer-type.ts";

describe("answer types", () => {
  test.each([
    ["How many parts can an upload have?", "number"],
    ["What is the maximum size of a message?", "number"],
    ["When was the key revoked?", "date"],
    ["In what year did it start?", "date"],
    ["Who wrote the runbook?", "name"],
    ["Which room holds the tests?", "name"],
    ["When a store is down, how does search behave?", "other"],
    ["When should the cache not be used?", "other"],
    ["Why does the export fail?", "other"],
    ["Which version of the archiver is needed?", "version"],
    ["Since which minor version is it there?", "version"],
    ["How often does it run?", "time"],
    ["What is the default timeout?", "time"],
    ["Which exit code does it give?", "number"],
    ["What happens when the limit is reached?", "other"],
    ["Which option keeps the log?", "identifier"],
    ["What is the name of the error for a broken file?", "identifier"],
    ["What environment variable sets the port?", "identifier"],
    ["How do I see which file is used?", "other"],
    ["How can I tell when the key was revoked?", "other"],
    ["What unit is the timeout in?", "other"],
  ])("%s asks for: %s", (question, type) => {
    expect(answerType(question)).toBe(type);
  });

  test("a sentence holds a name only if the question did not say it", () => {
    expect(holdsType("name", "It was built by Josiah Plum.", new Set())).toBe(true);
    expect(holdsType("name", "It was built by Kelm.", new Set(["kelm"]))).toBe(false);
    expect(holdsType("name", "Built of stone.", new Set())).toBe(false);
    expect(holdsType("identifier", "`keep_all` keeps", new Set(["keep", "all", "keep_all"]))).toBe(false);
  });

  test.each([
    ["number", "Listen on localhost:8080 over IPv4 with utf-8.", false],
    ["number", "Two of them wait.", true],
    ["time", "It runs monthly.", true],
    ["time", "It runs at night.", false],
    ["version", "Needs Node v20.3 or later.", true],
    ["version", "Needs TLS12.", true],
    ["version", "It is a 3rd party tool.", false],
    ["number", "There is one that is green, one of many, and the one in use.", false],
    ["number", "It keeps one copy.", true],
    ["number", "It defaults to the number of cores.", true],
    ["number", "The number of cores is printed.", false],
    ["identifier", "It is kept by `keep_all`.", true],
    ["identifier", "Use --keep first.", true],
    ["identifier", "It throws a KeepError.", true],
    ["identifier", "It is kept by hand.", false],
    ["date", "## 2.1.0 (2019-03-04)", true],
    ["date", "It went with version 0.17.0.", true],
    ["date", "See #2310 and pull/4711, 5000 bytes or 100%.", false],
  ] as const)("of the type %s, %j holds one: %s", (type, sentence, holds) => {
    expect(holdsType(type, sentence, new Set())).toBe(holds);
  });

  test.each([
    ["How many days does a month count?", "`month` (30 days)", "every 2 weeks, 1 month"],
    ["How many replies are kept?", "Three old replies stay.", "The 3 keys stay."],
    ["How often is it asked?", "every 30 seconds", "30 targets"],
    ["How much disk space does a row take?", "about 40 bytes", "about 40 %"],
    ["What share of the disk is used?", "at most 85 %", "at most 85 bytes"],
    ["Which port does it listen on?", "`0.0.0.0:7070`", "a low port number"],
    ["Which status code does it answer?", "It answers 503.", "It answers fast."],
    ["What is the largest crate?", "Crates are limited to 5 kg.", "Crates of 5 kg are blue."],
    ["How large may a crate be?", "at most 5 kg", "a crate of 5 kg"],
    ["How much does a berth cost?", "A berth is $40 a day.", "A berth has 40 planks."],
    ["Where are the logs kept?", "They lie below `~/.ferry/logs`.", "They are kept for a week/month."],
    ["Where is the state stored?", "In the folder of the ferry.", "It is stored at night."],
    ["What is the default wood?", "the wood, default `pine`", "the default wood"],
    ["What is the default wood?", "Default is `pine`.", "the default wood or another"],
  ])("%s is answered in the form of %j, not of %j", (question, right, wrong) => {
    expect(valueForm(question)?.test(right)).toBe(true);
    expect(valueForm(question)?.test(wrong)).toBe(false);
  });

  test("what may be written in any way has no form", () => {
    expect(valueForm("Why does the export fail?")).toBeUndefined();
  });

  test("numbers may be words, dates may be months or centuries", () => {
    expect(holdsType("number", "It has nine arches.", new Set())).toBe(true);
    expect(holdsType("date", "It fell in the 19th century.", new Set())).toBe(true);
    expect(holdsType("date", "It fell long ago.", new Set())).toBe(false);
  });
});
