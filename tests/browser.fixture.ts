/** For tests of the pages: a browser, and visits in which whatever it complains of is a failure. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const CHROMIUM = "/usr/bin/chromium";
export const IS_MISSING = !existsSync(CHROMIUM);
if (IS_MISSING && process.env.CI) throw new Error(`${CHROMIUM} is missing: apt-get install chromium (.ci/run does it)`);

/** With PRISM_SCREENSHOTS=DIR each page is also kept as a picture, for people. */
const SCREENSHOTS = process.env.PRISM_SCREENSHOTS;

export interface View {
  colorScheme: "light" | "dark";
  width: number;
  /** On unless false. */
  scripts?: boolean;
  /** Paths whose refusals are part of the test. */
  may_refuse?: RegExp;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
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
  });
}

/** Opens a page and hands it to `look`; what the browser complained of (CSP, missing parts) must be nothing. */
export async function visit(
  browser: Browser,
  origin: string,
  path: string,
  { colorScheme, width, scripts = true, may_refuse }: View,
  look: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({
    colorScheme,
    viewport: { width, height: 900 },
    javaScriptEnabled: scripts,
  });
  try {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (!may_refuse?.test(message.location().url)) complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => complaints.push(`not loaded: ${request.url()}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(origin)) complaints.push(`from elsewhere: ${request.url()}`);
    });
    await page.goto(`${origin}${path}`);
    await look(page);
    if (SCREENSHOTS) {
      await mkdir(SCREENSHOTS, { recursive: true });
      const name = `${path.replaceAll(/\W+/g, "-")}-${colorScheme}-${width}.png`;
      await page.screenshot({ path: join(SCREENSHOTS, name), fullPage: true });
    }
    expect(complaints).toEqual([]);
  } finally {
    await context.close();
  }
}

/** Shows the key to a page that asks for one. */
export async function unlock(page: Page, key: string): Promise<void> {
  await page.locator("#key").fill(key);
  await page.locator("#key").press("Enter");
}

export const overflows = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

/** What axe-core finds serious or critical, as `rule: element`. The page's policy stays: axe is evaluated, not loaded. */
export async function seriousFlaws(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
}
