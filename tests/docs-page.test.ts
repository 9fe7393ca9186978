/** The pages in a real browser. Where there is none the tests are skipped; in CI its absence is an error. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Platform, startPlatform } from "../local/platform.ts";
import { PROBLEMS } from "../worker/ground/problem.ts";

const CHROMIUM = "/usr/bin/chromium";
const isMissing = !existsSync(CHROMIUM);
if (isMissing && process.env.CI) throw new Error(`${CHROMIUM} is missing: apt-get install chromium (.ci/run does it)`);

/** With PRISM_SCREENSHOTS=DIR each page is also kept as a picture, for people. */
const SCREENSHOTS = process.env.PRISM_SCREENSHOTS;

describe.skipIf(isMissing)(`the pages in a browser${isMissing ? ` (skipped: no ${CHROMIUM})` : ""}`, () => {
  let platform: Platform;
  let browser: Browser;

  beforeAll(async () => {
    [platform, browser] = await Promise.all([
      startPlatform(),
      chromium.launch({
        executablePath: CHROMIUM,
        // Chromium refuses its sandbox to root, and calls home at every start unless told not to.
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
        ],
      }),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.close();
  });

  /** Opens a page and hands it to `look`; what the browser complained of (CSP, missing parts) must be nothing. */
  async function visit(
    path: string,
    view: { colorScheme: "light" | "dark"; width: number },
    look: (page: Page) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext({
      colorScheme: view.colorScheme,
      viewport: { width: view.width, height: 900 },
    });
    try {
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("requestfailed", (request) => complaints.push(`not loaded: ${request.url()}`));
      page.on("request", (request) => {
        if (!request.url().startsWith(platform.url)) complaints.push(`from elsewhere: ${request.url()}`);
      });
      await page.goto(`${platform.url}${path}`);
      await look(page);
      if (SCREENSHOTS) {
        await mkdir(SCREENSHOTS, { recursive: true });
        const name = `${path.replaceAll(/\W+/g, "-")}-${view.colorScheme}-${view.width}.png`;
        await page.screenshot({ path: join(SCREENSHOTS, name) });
      }
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  }

  /** WCAG contrast of the page's text against its ground. */
  const contrast = (page: Page) =>
    page.evaluate(() => {
      const luminance = (colour: string) => {
        const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((channel) => {
          const share = Number(channel) / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const style = getComputedStyle(document.body);
      const ground = style.backgroundColor === "rgba(0, 0, 0, 0)" ? "rgb(255, 255, 255)" : style.backgroundColor;
      const [dark = 0, light = 0] = [luminance(style.color), luminance(ground)].sort((a, b) => a - b);
      return { ratio: (light + 0.05) / (dark + 0.05), isDarkGround: luminance(ground) < 0.2 };
    });

  const overflows = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

  test.each(["light", "dark"] as const)(
    "/docs is readable in %s, and nothing on it is refused",
    async (colorScheme) => {
      await visit("/docs", { colorScheme, width: 1200 }, async (page) => {
        const { ratio, isDarkGround } = await contrast(page);
        expect(isDarkGround).toBe(colorScheme === "dark");
        expect(ratio).toBeGreaterThan(7);
      });
    },
  );

  test("/docs lists every route of the API and explains every problem at its anchor", async () => {
    const specification = await (await fetch(`${platform.url}/openapi.json`)).json();
    const routes = Object.entries(specification.paths as Record<string, object>).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    await visit("/docs", { colorScheme: "light", width: 1200 }, async (page) => {
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
    await visit("/docs", { colorScheme: "dark", width: 1200 }, async (page) => {
      const chat = page.locator("details.operation", { hasText: "/api/v1/chat" }).first();
      await chat.locator("summary").click();
      await chat.getByText("max_context_tokens").first().waitFor({ state: "visible" });
      expect(await chat.locator("pre").textContent()).toContain(`curl -X POST "$PRISM_URL/api/v1/chat"`);
      await chat.scrollIntoViewIfNeeded();
    });
  });

  test("a problem's type leads to its explanation", async () => {
    await visit("/docs#problem-rate-limited", { colorScheme: "light", width: 1200 }, async (page) => {
      await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(0);
    });
  });

  test.each(["/", "/docs"])("%s fits a telephone", async (path) => {
    await visit(path, { colorScheme: "light", width: 360 }, async (page) => {
      expect(await overflows(page)).toBe(false);
    });
  });

  test("/ says what this is and leads to the documentation", async () => {
    await visit("/", { colorScheme: "dark", width: 1200 }, async (page) => {
      await page.getByRole("link", { name: "Documentation" }).click();
      await page.waitForURL("**/docs");
    });
  });
});
