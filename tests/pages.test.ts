/** The pages in a real browser. Where there is none the tests are skipped; in CI its absence is an error. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROBLEMS } from "../worker/ground/problem.ts";
import { type Service, startService } from "../worker/service.fixture.ts";
import { IS_MISSING, launchBrowser, seriousFlaws, unlock, type View, visit } from "./browser.fixture.ts";

describe.skipIf(IS_MISSING)(`the pages in a browser${IS_MISSING ? " (skipped: no Chromium)" : ""}`, () => {
  let service: Service;
  let browser: Browser;

  beforeAll(async () => {
    [service, browser] = await Promise.all([startService({ faults: true }), launchBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  const open = (path: string, view: View, look: (page: Page) => Promise<void>) =>
    visit(browser, service.platform.url, path, view, look);

  test("/docs lists every route of the API and explains every problem at its anchor", async () => {
    const specification = await (await fetch(`${service.platform.url}/openapi.json`)).json();
    const routes = Object.entries(specification.paths as Record<string, object>).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    await open("/docs", { colorScheme: "light", width: 1200 }, async (page) => {
      const summaries = await page.locator("details.operation > summary").allInnerTexts();
      const listed = summaries.map((text) => text.split(/\s+/).slice(0, 2).join(" "));
      expect(listed.toSorted()).toEqual(routes.toSorted());
      for (const slug of Object.keys(PROBLEMS)) expect(await page.locator(`#problem-${slug}`).count(), slug).toBe(1);
      const targets = await page
        .locator("a[href^='#']")
        .evaluateAll((links) => links.map((link) => link.getAttribute("href")?.slice(1) ?? ""));
      for (const id of new Set(targets)) expect(await page.locator(`[id="${id}"]`).count(), id).toBe(1);
    });
  });

  test("an operation opens to its body, its answers and an example for the shell", async () => {
    await open("/docs", { colorScheme: "dark", width: 1200 }, async (page) => {
      const chat = page.locator("details.operation", { hasText: "/api/v1/chat" }).first();
      await chat.locator("summary").click();
      await chat.getByText("max_context_tokens").first().waitFor({ state: "visible" });
      expect(await chat.locator("pre").textContent()).toContain(`curl -X POST "$PRISM_URL/api/v1/chat"`);
      await chat.scrollIntoViewIfNeeded();
    });
  });

  describe("/dashboard", () => {
    test("shows nothing without a key, says why a wrong one is refused, and keeps none", async () => {
      await open("/dashboard", { colorScheme: "light", width: 1200, may_refuse: /verify$/ }, async (page) => {
        await unlock(page, "prism_wrong");
        await expect.poll(() => page.locator("#refusal").textContent()).not.toBe("");
        expect(await page.locator("#panels").textContent()).toBe("");
        expect(await page.locator("#key").inputValue()).toBe("");
        expect(await seriousFlaws(page)).toEqual([]);
      });
    });
  });

  describe("/ask", () => {
    const attack = "<img src=x onerror=alert(1)>";

    test("answers by keyboard alone, leads from a citation to its passage, and shows markup as text", async () => {
      const text = `The marmot ${attack} hibernates for seven months. It lives on alpine meadows.`;
      await service.call("PUT", "/api/v1/documents/marmot", { title: "The marmot", text });
      await open("/ask", { colorScheme: "light", width: 1200 }, async (page) => {
        // As it comes out of a chat or a document: with what nobody sees.
        await unlock(page, `\u200b${service.platform.admin_key}\u00a0\u2028`);
        await page.keyboard.type("How long does the marmot hibernate?");
        await page.keyboard.press("Enter");
        await page.locator("#usage:not(:empty)").waitFor();
        expect(await page.locator("#usage").textContent()).toMatch(/\d+ tokens sent, \d+ received, \d+ saved/);
        const cite = page.getByRole("button", { name: /^Passage / }).first();
        await cite.focus();
        await page.keyboard.press("Enter");
        const passage = page.locator("#sources details[open]");
        await passage.locator("mark").first().waitFor();
        expect(await passage.textContent()).toContain(attack);
        expect(await page.locator("#answer img").count()).toBe(0);
        expect(await seriousFlaws(page)).toEqual([]);
      });
    });
  });

  test("the pages with a script have a policy that lets in ours alone, and weigh less than 100 kB with all they load", async () => {
    const get = async (path: string) => fetch(`${service.platform.url}${path}`);
    const size = async (path: string) => (await (await get(path)).arrayBuffer()).byteLength;
    for (const page of ["/dashboard", "/ask"]) {
      const policy = (await get(page)).headers.get("content-security-policy") ?? "";
      for (const part of ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"])
        expect(policy).toContain(part);
      expect(policy).not.toContain("unsafe");
      const all = await Promise.all([page, `${page}/script.js`, "/docs/style.css"].map(size));
      expect(all.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(100_000);
    }
    expect((await size("/status")) + (await size("/docs/style.css"))).toBeLessThan(100_000);
  });
});
