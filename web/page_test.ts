import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { parseSafetensors } from "@cram/tensor/safetensors";
import { encodeImageSet } from "./image_set.ts";
import { serveSite } from "./serve_site.ts";
import type { Site } from "./site.ts";
import { launchBrowser } from "./testdata/browser.ts";
import { shapes } from "./testdata/shapes.ts";

/** Plain `deno test` may not start a browser. */
const ignore =
  (await Deno.permissions.query({ name: "run" })).state !== "granted";

/** For busy machines. */
const TIMEOUT = 90_000;

/** Opens the page; at the end nothing may have gone wrong in it. */
async function withPage(
  browser: Browser,
  site: Site,
  options: { isolation?: boolean },
  body: (page: Page) => Promise<void>,
): Promise<void> {
  await using served = serveSite(site, options);
  const page = await browser.newPage({
    viewport: { width: 1100, height: 900 },
  });
  page.setDefaultTimeout(TIMEOUT);
  const problems: string[] = [];
  page.on("pageerror", ({ message }) => problems.push(message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  try {
    await page.goto(served.url);
    await page.waitForSelector("#start:enabled");
    await body(page);
    assertEquals(problems, []);
  } finally {
    await page.close();
  }
}

async function start(page: Page, device: string, epochs: number) {
  await page.selectOption("select[name=device]", device);
  await page.fill("input[name=epochs]", `${epochs}`);
  await page.click("#start");
}

/** The first and the latest loss of each network, as the chart tells who cannot see it. */
const LOSSES = /: (\d+\.\d+) at first, now (\d+\.\d+)/g;

/** Waits until the losses of both networks have fallen to a part of what they were. */
async function untilLossesFall(page: Page, part: number): Promise<void> {
  await page.waitForFunction(
    ({ source, part }) => {
      const error = document.querySelector("#error:not([hidden])");
      if (error !== null) throw new Error(error.textContent ?? "");
      const label = document.querySelector("#loss-chart svg")
        ?.getAttribute("aria-label") ?? "";
      const losses = [...label.matchAll(new RegExp(source, "g"))];
      return losses.length === 2 &&
        losses.every(([, first, now]) => Number(now) < part * Number(first));
    },
    { source: LOSSES.source, part },
  );
}

/** What the table says, one row for each network. */
async function accuracies(page: Page): Promise<string[][]> {
  return await page.$$eval(
    "#accuracies tr",
    (rows) =>
      rows.map((row) =>
        [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? "")
      ),
  );
}

/** Moves the slider and waits until the table follows. */
async function moveSlider(page: Page, value: number): Promise<void> {
  await page.fill("#sparsity", `${value}`);
  await page.waitForFunction(
    (heading) =>
      document.querySelector("#answers")!.textContent.includes(heading) &&
      document.querySelector("#accuracies.busy") === null,
    `pruned to ${value} %`,
  );
}

Deno.test({
  name:
    "the page trains, prunes, shows masks, classifies, saves, and fits a phone",
  ignore,
  // Playwright's pipes close after its promise.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    // Loading esbuild asks for permissions.
    const { buildSite } = await import("./site.ts");
    const site = await buildSite(await encodeImageSet(shapes(96, 30)));
    const browser = await launchBrowser({ webgpu: true });
    try {
      await t.step(
        "on the CPU, with threads",
        () =>
          withPage(browser, site, {}, async (page) => {
            await start(page, "cpu", 4);
            await untilLossesFall(page, 0.5);
            await page.waitForSelector("#state:has-text('Trained on')");
            assertMatch(
              await page.textContent("#state") ?? "",
              /on WebAssembly SIMD on \d+ thread/,
            );

            await moveSlider(page, 0);
            for (const [dense, pruned] of await accuracies(page)) {
              assertEquals(pruned, dense);
            }
            await moveSlider(page, 98);
            for (const [dense, pruned] of await accuracies(page)) {
              assert(
                parseFloat(pruned) < parseFloat(dense),
                `${pruned} ${dense}`,
              );
            }

            const { size, kept, caption } = await page.$eval(
              "#mask-pictures figure",
              (figure) => {
                const canvas = figure.querySelector("canvas")!;
                const { width, height } = canvas;
                const { data } = canvas.getContext("2d")!
                  .getImageData(0, 0, width, height);
                return {
                  size: [width, height],
                  kept: data.filter((value, i) => i % 4 === 3 && value > 0)
                    .length,
                  caption: figure.querySelector("figcaption")!.textContent,
                };
              },
            );
            assertEquals(size, [32 * 4 - 1, 32 * 4 - 1]);
            const [, number] = caption!.match(/keeps ([\d,]+) of 9,216/)!;
            assertEquals(Number(number.replace(",", "")), kept);

            // A blue square, drawn by hand.
            await page.click("#clear");
            const answers = (await page.textContent("#answers"))!;
            await page.fill("#pen", "#1414dc");
            const box = (await page.locator("#drawing").boundingBox())!;
            const at = (part: number): number => box.width * part;
            for (const row of [0.4, 0.45, 0.5, 0.55, 0.6]) {
              await page.mouse.move(box.x + at(0.35), box.y + at(row));
              await page.mouse.down();
              await page.mouse.move(box.x + at(0.65), box.y + at(row));
              await page.mouse.up();
            }
            await page.waitForFunction(
              (old) => document.querySelector("#answers")!.textContent !== old,
              answers,
            );
            assertEquals(await page.locator("#answers li").count(), 4 * 3);

            const [download] = await Promise.all([
              page.waitForEvent("download"),
              page.click("text=Save CrAM⁺, pruned"),
            ]);
            assertEquals(
              download.suggestedFilename(),
              "cram-plus-pruned-98.safetensors",
            );
            const file = parseSafetensors(
              await Deno.readFile(await download.path()),
            );
            assertEquals(file.entries.get("conv1.weight")?.shape, [
              16,
              3,
              3,
              3,
            ]);
            assertEquals(file.metadata.get("sparsity"), "0.98");

            // At the width of a phone nothing scrolls sideways.
            await page.setViewportSize({ width: 360, height: 740 });
            await page.waitForFunction(() =>
              document.documentElement.scrollWidth <= globalThis.innerWidth
            );

            await page.click("#reset");
            assertEquals((await accuracies(page))[0], ["–", "–", "–"]);
            assert(await page.isEnabled("#start"));
          }),
      );

      await t.step(
        "on WebGPU, until it is paused",
        () =>
          withPage(browser, site, {}, async (page) => {
            // Emulated GPUs are slow: smaller pictures than the page offers.
            await page.$eval("option[value='16']", (option) => {
              (option as HTMLOptionElement).value = "8";
            });
            await start(page, "webgpu", 20);
            await untilLossesFall(page, 0.8);
            assertMatch(
              await page.textContent("#state") ?? "",
              /Training on WebGPU/,
            );
            await page.click("#pause");
            await page.waitForSelector("#state:has-text('Paused')");
            assertEquals(await page.textContent("#start"), "Go on");
          }),
      );
    } finally {
      await browser.close();
    }

    const plain = await launchBrowser({ webgpu: false });
    try {
      await t.step(
        "without isolation and WebGPU: one thread, and words",
        () =>
          withPage(plain, site, { isolation: false }, async (page) => {
            await start(page, "webgpu", 1);
            await page.waitForSelector("#error:visible");
            assertMatch(
              await page.textContent("#error") ?? "",
              /Cannot open a webgpu device: there is no adapter/,
            );
            await start(page, "auto", 1);
            await page.waitForSelector("#loss-chart svg");
            assertMatch(
              await page.textContent("#state") ?? "",
              /on 1 thread: pages that are isolated from others get more/,
            );
            assert(await page.isHidden("#error"));
          }),
      );
    } finally {
      await plain.close();
    }
  },
});
