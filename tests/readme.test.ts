/** What README.md prints is typed into a shell here, against a platform; commands that documents name exist. */
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { indexDemo } from "../local/demo.ts";
import { type Platform, startPlatform } from "../local/platform.ts";
import { buildProgram } from "../ops/command/command-line.ts";
import { ownFlags } from "../ops/command/define.ts";
import { AREAS, allCommands } from "../ops/registry.ts";
import { allRunbooks } from "../ops/runbook/library.ts";
import { infoOf, nodesOf, parseMarkdown } from "../ops/runbook/markdown.ts";
import { CALLS_OTHERS, flawOfCall, flawOfRequest, flawOfRisk, httpCalls, opsCalls } from "./runbook-calls.ts";

const ROOT = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

describe("the shell lines of the README, in their order, on a new platform", () => {
  const blocks = [...nodesOf(parseMarkdown(read("README.md")))].flatMap((node) =>
    node.type === "code" && infoOf(node) === "sh" ? [`${node.value}\n`] : [],
  );
  /** What each block printed, by its first line that is not an assignment. */
  const printed: string[] = [];
  let folder: string;
  let platform: Platform;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "prism-readme-"));
    platform = await startPlatform({ data_dir: folder });
    await indexDemo(platform, undefined);
    const mark = "-- end of block --";
    const script = blocks
      .map((block) =>
        block
          .replaceAll("http://127.0.0.1:8787", platform.url)
          .replaceAll("./.prism/", `${folder}/`)
          .replaceAll("npm run ops -- ", `npm run --silent ops -- --data "${folder}" `),
      )
      .join(`echo; echo "${mark}"\n`);
    const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], { cwd: ROOT });
    printed.push(...stdout.split(mark));
  });
  afterAll(async () => {
    await platform.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The output of the one block that holds `text`. */
  function outputOf(text: string): string {
    const index = blocks.findIndex((block) => block.includes(text));
    expect(
      blocks.filter((block) => block.includes(text)),
      `blocks with ${text}`,
    ).toHaveLength(1);
    return printed[index] ?? "";
  }

  test("ingest: the document is there, in chunks", () => {
    expect(JSON.parse(outputOf("-X PUT"))).toMatchObject({ id: "tea", status: "created", chunks: 1 });
  });

  test("search: the document is found, with scores", () => {
    const { results } = JSON.parse(outputOf("/api/v1/search"));
    expect(results[0]).toMatchObject({ document_id: "tea", scores: { fused: expect.any(Number) } });
    expect(results[0].text).toContain("80 degrees");
  });

  test("chat: the answer cites a chunk that exists and holds the quote", async () => {
    const answer = JSON.parse(outputOf("At what temperature"));
    expect(answer).toMatchObject({ found: true, degraded: [] });
    expect(answer.answer).toContain("80 degrees");
    expect(answer.citations.length).toBeGreaterThan(0);
    const response = await fetch(`${platform.url}/api/v1/documents/tea`, {
      headers: { authorization: `Bearer ${platform.admin_key}` },
    });
    const { chunks } = (await response.json()) as { chunks: { chunk_id: number; text: string }[] };
    for (const { chunk_id, start, end, quote } of answer.citations) {
      expect(chunks.find((chunk) => chunk.chunk_id === chunk_id)?.text.slice(start, end)).toBe(quote);
    }
  });

  test("a follow-up: the question that it means is answered", () => {
    const { standalone_question, answer } = JSON.parse(outputOf('"history"'));
    expect(standalone_question).toBe("How hot is black tea brewed?");
    expect(answer).toContain("boiling water");
  });

  test("streamed chat: sources first, then tokens and citations, usage last", () => {
    const output = outputOf('"stream": true');
    const events = [...output.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
    expect(events[0]).toBe("sources");
    expect(events).toContain("token");
    expect(events).toContain("citation");
    expect(events.at(-1)).toBe("usage");
    const of = (wanted: string) =>
      [...output.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].flatMap(([, name, data = ""]) =>
        name === wanted ? [JSON.parse(data)] : [],
      );
    const text = of("token")
      .map((token) => token.text)
      .join("");
    expect(text.length).toBeGreaterThan(20);
    for (const { document_id, quote } of of("citation")) {
      expect(document_id).toMatch(/^runbooks:/);
      expect(text).toContain(quote);
    }
  });

  test("other tools: a completion with footnotes, the openai package with a stream, a tool by hand", () => {
    const completion = JSON.parse(outputOf("/v1/chat/completions"));
    expect(completion.choices[0].message.content).toMatch(/80 degrees[\s\S]*\n\n\[\d+\] Brewing tea, tea$/);
    expect(completion.prism).toMatchObject({ grounded: true, ignored: [] });
    expect(outputOf("OPENAI_BASE_URL").length).toBeGreaterThan(20);
    const message = JSON.parse(/^data: (.*)$/m.exec(outputOf("/mcp"))?.[1] ?? "null");
    expect(JSON.parse(message.result.content[0].text).results[0]).toMatchObject({ document_id: "tea" });
  });

  test("a question that the documents do not answer is not answered", () => {
    expect(JSON.parse(outputOf("1954"))).toMatchObject({ found: false, citations: [] });
  });

  test("every step of a runbook calls a command as it is declared, or a route as it is described", async () => {
    const { paths } = (await (await fetch(`${platform.url}/openapi.json`)).json()) as {
      paths: Parameters<typeof flawOfRequest>[1];
    };
    const { program } = await buildProgram([], process, async () => {});
    const commands = new Map((await allCommands()).map((command) => [command.path, command]));
    const ofAll = new Set(program.options.map(({ long }) => long ?? ""));
    const flaws: string[] = [];
    const excused = new Set(CALLS_OTHERS.map(({ id }) => id));
    for (const { id, steps } of await allRunbooks())
      for (const step of steps) {
        const name = `${id}/${step.name}`;
        const [calls, requests] = [opsCalls(step.commands), httpCalls(step.commands)];
        for (const words of calls)
          for (const flaw of [flawOfCall(words, commands, ofAll), flawOfRisk(step.risk, words, commands)])
            flaws.push(...(flaw ? [`${name}: ${flaw}`] : []));
        for (const one of requests)
          flaws.push(...[flawOfRequest(one, paths)].flatMap((flaw) => (flaw ? [`${name}: ${flaw}`] : [])));
        if (calls.length + requests.length === 0 && !excused.delete(name))
          flaws.push(`${name}: calls neither a command nor the service`);
      }
    expect([...flaws, ...[...excused].map((name) => `${name}: is excused, and need not be`)]).toEqual([]);
  });

  test("a step declares no less risk than the command that it calls, but for a dry run", () => {
    const commands = new Map([["restore apply", { risk: "destructive" as const }]]);
    expect(flawOfRisk("change", ["restore", "apply", "--yes"], commands)).toContain("restore apply is destructive");
    expect(flawOfRisk("destructive", ["restore", "apply", "--yes"], commands)).toBeNull();
    expect(flawOfRisk("read", ["restore", "apply", "--dry-run"], commands)).toBeNull();
  });

  test("the daily commands do their work", () => {
    const output = outputOf("npm run ops -- synthetic");
    expect(output).not.toContain("FAIL");
    expect(output).toContain("local admin");
  });
});

describe("commands that documents name exist", async () => {
  const documents = globSync(["**/*.md", ".*/**/*.md"], {
    cwd: ROOT,
    exclude: ["node_modules", "dist", ".prism"].map((folder) => `**/${folder}`),
  });
  const scripts = Object.keys(JSON.parse(read("package.json")).scripts);
  const commands = new Map((await allCommands()).map((command) => [command.path, command]));
  const { program } = await buildProgram([], process, async () => {});
  const ofAll = new Set([...program.options.map(({ long }) => long), "--help"]);

  /** What of a command line `ops` would not know; an area without its verb (`ops keys`) only where `mayBeArea`. */
  function unknownPart(words: readonly string[], mayBeArea: boolean): string | null {
    const names = words.filter((word) => !word.startsWith("--"));
    const path = names
      .map((_, index) => names.slice(0, names.length - index).join(" "))
      .find((text) => commands.has(text));
    const command = commands.get(path ?? "");
    const known = new Set(command ? [...ofAll, ...ownFlags(command)] : ofAll);
    const flag = words.find((word) => word.startsWith("--") && !known.has(word));
    if (flag !== undefined) return `${flag} of ${path}`;
    if (names.length === 0) return null;
    const isArea = (mayBeArea || words.includes("--help")) && names.join(" ") in AREAS;
    return command !== undefined || isArea ? null : names.join(" ");
  }

  test.each(documents)("%s", (path) => {
    const code = [...nodesOf(parseMarkdown(read(path)))]
      .flatMap((node) => (node.type === "code" || node.type === "inlineCode" ? [node.value] : []))
      .join("\n")
      .replaceAll(/\\\n\s*/g, "");
    const named = [...code.matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g)];
    expect(named.map(([, run, own]) => run ?? own).filter((name) => !scripts.includes(name ?? ""))).toEqual([]);
    // A command ends where the line, the pipe or the comment begins; quoted words and placeholders name nothing.
    const calls = [...code.matchAll(/(npm run (?:--silent )?ops -- |^ops )([^\n|;#]*)/gm)];
    const unknown = calls.map(([, start, rest = ""]) =>
      unknownPart(
        rest.split(/\s+/).filter((word) => /^(--)?[a-z][a-z-]*$/.test(word)),
        start === "ops ",
      ),
    );
    expect(unknown.filter((part) => part !== null)).toEqual([]);
  });
});
