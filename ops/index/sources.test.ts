import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DocumentInput } from "../../worker/ground/document.ts";
import { manualOf, sampleFile } from "../bench/sample-files.ts";
import { IndexConfig, loadConfig, type Source } from "./config.ts";
import { readDocument } from "./read-document.ts";
import { type Listing, withSource } from "./sources.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "prism-sources-"));
  const files: Record<string, string | Buffer> = {
    "docs/start.md": "---\nid: x\n---\n\nIntro\n\n## Second\n\n# Getting started\r\n\nText.\n",
    "docs/deep/ümlaut name.md": '---\ntitle: "Names: with colon"\n---\n\n# Other\n',
    "docs/plain.txt": "# not a heading in plain text",
    "docs/drafts/idea.md": "# Idea",
    "docs/binary.txt": Buffer.from([0x89, 0x50, 0x00, 0x41]),
    "docs/empty.md": " \n",
    "docs/node_modules/pkg/readme.md": "# Package",
    "docs/.hidden.md": "# Hidden",
    "docs/code.ts": "export {};",
    "docs/pointer.md": `version https://git-lfs.github.com/spec/v1\noid sha256:${"0f".repeat(32)}\nsize 123456\n`,
    "odd/pointer-crlf.md": `\ufeffversion https://git-lfs.github.com/spec/v1\r\noid sha256:${"0f".repeat(32)}\r\nsize 1\r\n`,
    "odd/linked.md": `../.git/annex/objects/x9/Zq/SHA256E-s9--${"0f".repeat(32)}.md/SHA256E-s9--${"0f".repeat(32)}.md`,
    "odd/annexed.md": `/annex/objects/SHA256E-s123--${"0f".repeat(32)}.md\n`,
    "odd/unseen.md": "\u200b\n\u2060",
    "elsewhere/page.md": "# Elsewhere",
    "shouted/UPPER.MD": "# Upper",
    "shouted/Mixed.Txt": "Mixed.",
    "shouted/FORM.CSV": "a,b",
    "shouted/old.DRAFT.MD": "# Draft",
    "secret.md": "# Outside",
  };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  await symlink(join(root, "secret.md"), join(root, "docs/link.md"));
  await symlink(join(root, "elsewhere"), join(root, "docs/linked"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function source(fields: Record<string, unknown>): Source {
  const [parsed] = IndexConfig.parse({ sources: [{ collection: "docs", ...fields }] }).sources;
  if (!parsed) throw new Error("no source");
  return parsed;
}

function paths(from: Source): Promise<string[]> {
  return withSource(from, { cwd: root }, async ({ files }) => files.map((file) => file.path));
}

async function read(path: string, fields: Record<string, unknown> = {}): Promise<DocumentInput | string> {
  return withSource(
    source({ folder: "docs", include: [path], ...fields }),
    { cwd: root },
    async ({ files: [file] }) => {
      if (!file) throw new Error("no file");
      const result = await readDocument(file);
      if ("document" in result) return result.document;
      return "refused" in result ? result.refused : "unchanged";
    },
  );
}

test("endings are found in capitals as well, and taken out: by the default and by globs of one's own", async () => {
  const shouted = (fields: object) => paths(source({ folder: "shouted", ...fields }));
  expect(await shouted({})).toEqual(["Mixed.Txt", "UPPER.MD", "old.DRAFT.MD"]);
  expect(await shouted({ include: ["*.{csv,txt}"] })).toEqual(["FORM.CSV", "Mixed.Txt"]);
  expect(await shouted({ exclude: ["**/*.DRAFT.md"] })).toEqual(["Mixed.Txt", "UPPER.MD"]);
});

describe("a folder source", () => {
  test("gives the files that its globs match, without packages, hidden files and links", async () => {
    expect(await paths(source({ folder: "docs" }))).toEqual([
      "binary.txt",
      "deep/ümlaut name.md",
      "drafts/idea.md",
      "empty.md",
      "plain.txt",
      "pointer.md",
      "start.md",
    ]);
    expect(
      await paths(
        source({ folder: "docs", include: ["**/*.md", "*.md"], exclude: ["drafts/**", "empty.md", "pointer.md"] }),
      ),
    ).toEqual(["deep/ümlaut name.md", "start.md"]);
  });

  test("follows no link, whether a pattern names it or a folder above it", async () => {
    expect(await paths(source({ folder: "docs", include: ["link.md", "linked/*.md", "plain.txt"] }))).toEqual([
      "plain.txt",
    ]);
  });

  test("names what it cannot list, and gives the others", async () => {
    const folder = join(root, "names");
    await mkdir(Buffer.from(`${folder}/d\xe9r`, "latin1"), { recursive: true });
    await writeFile(Buffer.from(`${folder}/caf\xe9.md`, "latin1"), "# Coffee");
    await writeFile(Buffer.from(`${folder}/d\xe9r/in.md`, "latin1"), "# Inside");
    await writeFile(join(folder, "good.md"), "# Good");
    await writeFile(join(folder, "\uFFFD.md"), "# A name of that character");
    await symlink(".", join(folder, "again"));
    const listed = (exclude: string[]): Promise<Listing> =>
      withSource(source({ folder, exclude, include: ["**/*", "again/*"] }), { cwd: root }, async (listing) => listing);
    const { files, unlisted } = await listed([]);
    expect(files.map(({ path }) => path)).toEqual(["good.md", "\uFFFD.md"]);
    const cause = "has a name that is not UTF-8; rename it, or exclude it";
    expect(unlisted).toEqual([
      { path: "caf\uFFFD.md", cause },
      { path: "d\uFFFDr", cause },
    ]);
    expect((await listed(["caf*", "d?r/**"])).unlisted).toEqual([]);
  });

  test("that matches nothing is refused, since it would delete its collection", async () => {
    await expect(paths(source({ folder: "docs", include: ["*.rst"] }))).rejects.toThrow(/no file matches \*\.rst/);
    await expect(paths(source({ folder: "nowhere" }))).rejects.toThrow(/no file matches.*: ENOENT/);
  });
});

describe("a git source", () => {
  test("gives what is committed, not what lies in the working tree, and leaves no clone behind", async () => {
    const repository = join(root, "repository");
    await mkdir(repository);
    const env = { PATH: process.env.PATH, HOME: root };
    const git = (...words: string[]): unknown =>
      execFileSync("git", ["-C", repository, ...words], { stdio: "pipe", env });
    git("init", "--quiet", "--initial-branch", "trunk");
    await writeFile(join(repository, "a.md"), "# Committed");
    await writeFile(join(repository, "manual.docx"), await sampleFile(".docx", manualOf(1)));
    await symlink(join(root, "secret.md"), join(repository, "link.md"));
    git("add", ".");
    git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "one");
    await writeFile(join(repository, "b.md"), "# Not committed");

    let clone = "";
    const titles = await withSource(
      source({ git: "repository", ref: "trunk", include: ["**/*.{md,docx}"] }),
      { cwd: root },
      async ({ files }) => {
        clone = dirname(files[0]?.absolute_path ?? "");
        const results = await Promise.all(files.map((file) => readDocument(file)));
        return results.map((result) => "document" in result && `${result.document.id} ${result.document.title}`);
      },
    );
    expect(titles).toEqual(["docs:a.md Committed", "docs:manual.docx Service manual"]);
    await expect(withSource(source({ folder: clone }), { cwd: root }, async () => {})).rejects.toThrow();
    await expect(paths(source({ git: "repository", ref: "missing" }))).rejects.toThrow(/clone repository.*missing/s);
  });

  test("names its submodules, whose files are another repository's, where they are wanted", async () => {
    const env = { PATH: process.env.PATH, HOME: root };
    const git = (...words: string[]): unknown =>
      execFileSync(
        "git",
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always", ...words],
        {
          cwd: root,
          stdio: "pipe",
          env,
        },
      );
    for (const name of ["theme", "site"]) {
      git("init", "--quiet", "--initial-branch", "trunk", name);
      await writeFile(join(root, name, `${name}.md`), `# ${name}`);
      git("-C", name, "add", ".");
      git("-C", name, "commit", "--quiet", "-m", "one");
    }
    git("-C", "site", "submodule", "add", "--quiet", join(root, "theme"), "themes/plain");
    git("-C", "site", "commit", "--quiet", "-m", "two");
    const listed = (fields: object): Promise<Listing> =>
      withSource(source({ git: "site", ...fields }), { cwd: root }, async (listing) => listing);
    const { files, unlisted } = await listed({});
    expect(files.map(({ path }) => path)).toEqual(["site.md"]);
    expect(unlisted).toEqual([
      { path: "themes/plain", cause: expect.stringMatching(/^is a submodule.*a source of its own/) },
    ]);
    expect((await listed({ exclude: ["themes/**"] })).unlisted).toEqual([]);
    expect((await listed({ include: ["*.md"] })).unlisted).toEqual([]);
  });

  test("says in git's words why there is no clone, and is reached by what the environment says of ssh and proxies", async () => {
    const failure = await paths(source({ git: "nowhere" })).catch((error: Error) => error.message);
    expect(failure).toContain("does not appear to be a git repository");
    expect(failure).not.toMatch(/correct access rights|and the repository exists/);
    const before = process.env.GIT_SSH_COMMAND;
    process.env.GIT_SSH_COMMAND = "echo 'the way in is closed' >&2; false";
    try {
      await expect(paths(source({ git: "git@host.invalid:docs" }))).rejects.toThrow(/the way in is closed/);
    } finally {
      if (before === undefined) delete process.env.GIT_SSH_COMMAND;
      else process.env.GIT_SSH_COMMAND = before;
    }
  });

  test("cannot run a program through its address", async () => {
    await expect(paths(source({ git: `ext::sh -c touch% ${join(root, "owned")}` }))).rejects.toThrow(/clone/);
    expect(await paths(source({ folder: ".", include: ["secret.md", "owned"] }))).toEqual(["secret.md"]);
  });
});

describe("readDocument", () => {
  test("takes the title from front matter, else from the highest heading, else from the file's name", async () => {
    expect(await read("deep/ümlaut name.md")).toMatchObject({ title: "Names: with colon", format: "markdown" });
    expect(await read("start.md")).toMatchObject({ title: "Getting started", id: "docs:start.md" });
    expect(await read("plain.txt")).toMatchObject({ title: "plain", format: "text" });
  });

  test("makes Markdown of the files that are converted, and calls those without a title by their name", async () => {
    const text = expect.stringContaining("| Axle bolt 1 | 40 Nm | Socket 17 |");
    await writeFile(join(root, "docs/Torques 2026.pptx"), await sampleFile(".pptx", manualOf(1)));
    expect(await read("Torques 2026.pptx")).toMatchObject({ title: "Torques 2026", format: "markdown", text });
    await writeFile(join(root, "docs/broken.pdf"), "no PDF");
    expect(await read("broken.pdf")).toMatch(/does not begin as one, or exclude it/);
  });

  test("adds collection and path to the metadata, and the path to the link, percent-encoded", async () => {
    expect(
      await read("deep/ümlaut name.md", { metadata: { kind: "guide" }, url: "https://a.example/{path}#top" }),
    ).toMatchObject({
      metadata: { kind: "guide", collection: "docs", path: "deep/ümlaut name.md" },
      url: "https://a.example/deep/%C3%BCmlaut%20name.md#top",
    });
    expect(await read("start.md", { url: "https://a.example/{path}?edit={path}" })).toMatchObject({
      url: "https://a.example/start.md?edit=start.md",
    });
  });

  test("tells a file that vanished after it was listed, and one that cannot be read", async () => {
    const refused = await withSource(source({ folder: "docs", include: ["start.md"] }), { cwd: root }, ({ files }) =>
      Promise.all(
        files.flatMap((file) => [
          readDocument({ ...file, absolute_path: join(root, "docs/vanished.md") }),
          readDocument({ ...file, absolute_path: join(root, "docs") }),
        ]),
      ),
    );
    expect(refused).toEqual([
      { refused: "vanished while it was read; repeat the update", is_gone: false },
      { refused: expect.stringMatching(/^cannot be read \(EISDIR.*exclude it$/), is_gone: false },
    ]);
  });

  test("refuses what is not text, with the way out", async () => {
    const odd = { folder: "odd" };
    expect(await read("pointer.md")).toMatch(/Git LFS pointer.*git lfs pull.*exclude it/);
    expect(await read("pointer-crlf.md", odd)).toMatch(/Git LFS pointer/);
    expect(await read("linked.md", odd)).toMatch(/git-annex/);
    expect(await read("annexed.md", odd)).toMatch(/git-annex pointer.*git annex get.*exclude it/);
    expect(await read("unseen.md", odd)).toMatch(/empty/);
    expect(await read("binary.txt")).toMatch(/not UTF-8 text, .*; convert it, or exclude it/);
    await writeFile(join(root, "docs/notepad.txt"), "\ufeffCafé Zoë", "utf16le");
    expect(await read("notepad.txt")).toMatchObject({ text: "Café Zoë" });
    for (const text of ["PKCS #11 is an interface.", "A PDF begins with %PDF-1.7."]) {
      await writeFile(join(root, "docs/told.txt"), text);
      expect(await read("told.txt")).toMatchObject({ text });
    }
    await writeFile(join(root, "docs/named.txt"), "%PDF-1.4\n1 0 obj<<>>endobj");
    expect(await read("named.txt")).toMatch(/not UTF-8 text/);
    await writeFile(join(root, "docs/letter.rtf"), "{\\rtf1\\ansi Dear reader}");
    expect(await read("letter.rtf")).toMatch(/is RTF, which is not converted; convert it, or exclude it/);
    expect(await read("empty.md")).toMatch(/empty/);
  });
});

describe("loadConfig", () => {
  test("names the file, the field and the rule for a configuration that is wrong", async () => {
    const path = join(root, "bad.config.json");
    await writeFile(path, JSON.stringify({ sources: [{ collection: "Docs!", folder: ".", include: ["../**"] }] }));
    await expect(loadConfig(path)).rejects.toThrow(/bad\.config\.json.*collection|collection.*a–z/s);
    await writeFile(path, JSON.stringify({ sources: [{ colection: "docs", folder: "." }] }));
    await expect(loadConfig(path)).rejects.toThrow(/sources\[0\]\.collection: .*; sources\[0\]: .*"colection"/);
    await writeFile(path, "{");
    await expect(loadConfig(path)).rejects.toThrow(/JSON/);
    await expect(loadConfig(join(root, "none.json"))).rejects.toThrow(/ENOENT/);
  });

  test("takes no offence at the byte order mark of an editor of Windows", async () => {
    const path = join(root, "windows.config.json");
    await writeFile(path, `\ufeff${JSON.stringify({ sources: [{ collection: "docs", folder: "." }] }, null, 2)}\r\n`);
    expect((await loadConfig(path)).sources[0]?.collection).toBe("docs");
  });

  test("accepts this repository's own configuration", async () => {
    const config = await loadConfig(join(import.meta.dirname, "../../prism.config.json"));
    expect(config.sources.map(({ collection }) => collection)).toEqual(["prism", "runbooks"]);
  });
});
