import { chromium } from "playwright-core";
import { serveSite } from "./serve_site.ts";
const site = new Map<string, Uint8Array<ArrayBuffer>>();
for await (const e of Deno.readDir("/tmp/webout")) {
  site.set(e.name, await Deno.readFile("/tmp/webout/" + e.name));
}
await using s = serveSite(site, { isolation: !Deno.args.includes("plain") });
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--headless=new",
    "--enable-unsafe-webgpu",
    "--disable-background-networking",
    "--disable-quic",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
});
const arg = (n: string, d: string) =>
  Deno.args.find((a) => a.startsWith(n + "="))?.slice(n.length + 1) ?? d;
const page = await browser.newPage({
  viewport: { width: +arg("width", "1100"), height: 900 },
  colorScheme: arg("scheme", "light") as "light",
});
page.on("console", (m) => console.log("console", m.type(), m.text()));
page.on("pageerror", (e) => console.log("pageerror", e.message));
page.on("requestfailed", (r) => console.log("requestfailed", r.url()));
await page.goto(s.url);
await page.waitForSelector("#start:enabled");
console.log("isolated", await page.evaluate(() => crossOriginIsolated));
const tag = arg("tag", "a");
await page.screenshot({ path: `/tmp/shots/${tag}-before.png`, fullPage: true });
const secs = +arg("secs", "20");
if (secs > 0) {
  await page.selectOption("select[name=device]", arg("device", "cpu"));
  await page.fill("input[name=epochs]", arg("epochs", "2"));
  await page.click("#start");
  const t = performance.now();
  let mid = false;
  while (performance.now() - t < secs * 1000) {
    await page.waitForTimeout(2000);
    const st = await page.textContent("#state"),
      n = await page.textContent("#numbers");
    console.log(
      ((performance.now() - t) / 1000).toFixed(0),
      st,
      n,
      await page.textContent("#accuracies"),
      await page.isVisible("#error") ? await page.textContent("#error") : "",
    );
    if (!mid && performance.now() - t > secs * 400) {
      mid = true;
      await page.screenshot({
        path: `/tmp/shots/${tag}-mid.png`,
        fullPage: true,
      });
    }
    if (st?.startsWith("Trained") || await page.isVisible("#error")) break;
  }
  await page.waitForTimeout(+arg("after", "8") * 1000);
  await page.screenshot({
    path: `/tmp/shots/${tag}-after.png`,
    fullPage: true,
  });
  console.log(
    await page.textContent("#accuracies"),
    await page.evaluate(() =>
      document.documentElement.scrollWidth + " " + innerWidth
    ),
  );
}
await browser.close();
