/** What the pages show of a service at work and of one in trouble, in a real browser. Where there is none the tests are skipped. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CRONS, QUEUES, SERVICE } from "../infra/inventory.ts";
import { type Service, startService } from "../worker/service.fixture.ts";
import { IS_MISSING, launchBrowser, overflows, seriousFlaws, unlock, type View, visit } from "./browser.fixture.ts";

describe.skipIf(IS_MISSING)(`the pages at work in a browser${IS_MISSING ? " (skipped: no Chromium)" : ""}`, () => {
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

  test.each(["light", "dark"] as const)(
    "/docs is readable in %s, and nothing on it is refused",
    async (colorScheme) => {
      await open("/docs", { colorScheme, width: 1200 }, async (page) => {
        const { ratio, isDarkGround } = await contrast(page);
        expect(isDarkGround).toBe(colorScheme === "dark");
        expect(ratio).toBeGreaterThan(7);
      });
    },
  );

  test("a problem's type leads to its explanation", async () => {
    await open("/docs#problem-rate-limited", { colorScheme: "light", width: 1200 }, async (page) => {
      await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(0);
    });
  });

  test.each(["/", "/docs", "/status", "/dashboard", "/ask"])("%s fits a telephone", async (path) => {
    await open(path, { colorScheme: "light", width: 360 }, async (page) => {
      expect(await overflows(page)).toBe(false);
    });
  });

  test("/ says what this is and leads to the documentation", async () => {
    await open("/", { colorScheme: "dark", width: 1200 }, async (page) => {
      await page.getByRole("link", { name: "Documentation" }).click();
      await page.waitForURL("**/docs");
    });
  });

  describe("/status", () => {
    beforeAll(async () => {
      await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
      const incident = {
        title: "Slow <b>answers</b>",
        severity: "SEV-3",
        components: ["ai"],
        text: "We look into it.",
      };
      await service.call("POST", "/api/v1/incidents", incident);
      const [starts_at, ends_at] = [1, 2].map((hours) => new Date(Date.now() + hours * 3_600_000).toISOString());
      const window = { title: "Moving", text: "Soon.", components: ["vectorize"], starts_at, ends_at };
      await service.call("POST", "/api/v1/maintenance", window);
    });

    test.each([
      { colorScheme: "light", width: 1200 },
      { colorScheme: "dark", width: 360 },
    ] as const)("needs no script, has nothing serious for axe, in $colorScheme at $width", async (view) => {
      await open("/status", { ...view, scripts: false }, async (page) => {
        expect(await page.locator("h1").textContent()).toContain("Some parts do not work as they should");
        expect(await page.locator("svg.history").count()).toBe(5);
        expect(await page.locator("svg.history").first().getAttribute("aria-label")).toContain("without trouble");
        await page.getByText("Slow <b>answers</b>").waitFor();
        await page.getByText("Moving", { exact: true }).waitFor();
      });
      await open("/status", view, async (page) => {
        expect(await seriousFlaws(page)).toEqual([]);
        expect(await overflows(page)).toBe(false);
      });
    });
  });

  describe("/dashboard", () => {
    test.each([
      { colorScheme: "dark", width: 1200 },
      { colorScheme: "light", width: 360 },
    ] as const)("shows an operator figures, charts and incidents in $colorScheme at $width", async (view) => {
      await service.call("POST", "/api/v1/search", { query: "weevil" });
      // What branches of this version lack is told in its panel.
      await open("/dashboard", { ...view, may_refuse: /alerts$|summary$|queue-status$/ }, async (page) => {
        await unlock(page, service.platform.admin_key);
        await page.locator("svg.chart").nth(3).waitFor();
        expect(await page.locator(".tile.good dd").first().textContent()).toBe("healthy");
        expect(await page.locator("svg.chart").first().getAttribute("aria-label")).toMatch(
          /^Requests\. requests: now \d/,
        );
        await page.getByRole("link", { name: /Slow <b>answers<\/b>/ }).waitFor();
        await page.getByRole("row", { name: /requests/ }).waitFor();
        expect(await page.locator(".queue dt").allTextContents()).toEqual([
          QUEUES.ingest.name,
          QUEUES.dead.name,
          "dead letters",
        ]);
        expect(await page.locator(".queue dd").first().textContent()).toMatch(/^\d+ waiting$/);
        expect(await seriousFlaws(page)).toEqual([]);
        expect(await overflows(page)).toBe(false);
        expect(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie])).toEqual([
          0,
          0,
          "",
        ]);
        expect(await page.content()).not.toContain(service.platform.admin_key);
        await page.getByLabel("Period").selectOption("1h");
        await expect.poll(() => page.locator("svg.chart .tip").count()).toBe(4 * 30);
        await page.getByRole("button", { name: "Forget the key" }).click();
        await page.locator("#key").waitFor({ state: "visible" });
        expect(await page.locator("#panels").textContent()).toBe("");
      });
    });
  });

  test("where nothing answers, each panel of /dashboard says so, and /ask shows no empty answer", async () => {
    const { faults } = service.platform;
    if (!faults) throw new Error("the platform runs without the shim");
    const rules = (...bindings: string[]) => bindings.map((binding) => ({ binding, error: "D1_ERROR: down" }));
    faults.rules = rules("METER", "ALERTS", "STATUS", "DB");
    try {
      await open("/dashboard", { colorScheme: "light", width: 1200, may_refuse: /./ }, async (page) => {
        await unlock(page, service.platform.api_secret);
        await page.locator("#panels .missing").nth(8).waitFor();
        expect(await page.locator("svg.chart").count()).toBe(0);
        expect(await seriousFlaws(page)).toEqual([]);
      });
      await open("/ask", { colorScheme: "light", width: 360, may_refuse: /chat$/ }, async (page) => {
        await unlock(page, service.platform.api_secret);
        await page.locator("#question").fill("How long?");
        await page.keyboard.press("Enter");
        await page.getByText("The database cannot be reached at the moment.").waitFor();
        expect(await page.locator("#answer").isVisible()).toBe(false);
      });
    } finally {
      faults.rules = [];
    }
  });

  describe("/ask", () => {
    test("takes what a follow-up leaves out from the questions before it, until a new conversation begins", async () => {
      await service.call("PUT", "/api/v1/documents/ibex", { text: "The ibex eats moss. The ibex sleeps on ledges." });
      await open("/ask", { colorScheme: "light", width: 1200 }, async (page) => {
        const ask = async (question: string) => {
          await page.locator("#question").fill(question);
          await page.keyboard.press("Enter");
          await page.locator("#usage:not(:empty)").waitFor();
        };
        await unlock(page, service.platform.admin_key);
        await ask("What does the ibex eat?");
        await ask("Where does it sleep?");
        await page.getByText("Understood as: Where does it sleep? (ibex eat)").waitFor();
        expect(await page.locator("#text").textContent()).toContain("ledges");
        expect(await page.locator("#earlier summary").allTextContents()).toEqual(["What does the ibex eat?"]);
        expect(await seriousFlaws(page)).toEqual([]);
        await page.getByRole("button", { name: "New conversation" }).click();
        expect(await page.locator("#earlier").textContent()).toBe("");
        await ask("Where does it sleep?");
        expect(await page.locator("#meant").textContent()).toBe("");
      });
    });

    test("says so when the documents do not answer, and asks for the key again when it is refused", async () => {
      await open("/ask", { colorScheme: "dark", width: 360, may_refuse: /chat$/ }, async (page) => {
        await unlock(page, service.platform.admin_key);
        await page.locator("#question").fill("Who won the 1954 football world cup?");
        await page.keyboard.press("Enter");
        await page.getByText("The documents do not answer this.").waitFor();
        await page.getByRole("button", { name: "Forget the key" }).click();
        expect(await page.locator("#text").textContent()).toBe("");
        await unlock(page, "prism_wrong");
        await page.locator("#question").fill("How long?");
        await page.keyboard.press("Enter");
        await expect.poll(() => page.locator("#refusal").textContent()).not.toBe("");
        expect(await overflows(page)).toBe(false);
      });
    });
  });
});
