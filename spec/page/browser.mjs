// browser.mjs FILE: what a browser makes of a report's page, as JSON. Driven by playwright-core (build/clients) and the
// machine's own Chromium (CHROMIUM).
import { createRequire } from "node:module";
const { chromium } = createRequire(process.env.MOONTIDE_CLIENTS + "/")("playwright-core");

const seen = { requests: [], problems: [], figures: {} };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"], timeout: 120000 });
const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, colorScheme: "light" });
const page = await context.newPage();
page.setDefaultTimeout(120000);
page.on("request", (r) => { if (!/^(file|data|blob):/.test(r.url())) seen.requests.push(r.url()); });
page.on("pageerror", (e) => seen.problems.push(e.message));
page.on("console", (m) => { if (m.type() === "error") seen.problems.push(m.text()); });
page.on("dialog", (d) => { seen.problems.push("dialog: " + d.message()); d.dismiss(); });

await page.goto("file://" + process.argv[2]);
await page.waitForSelector("html[data-ready], html[data-failed]", { state: "attached" });
seen.failed = await page.evaluate(() => document.documentElement.dataset.failed || null);
seen.title = await page.title();
seen.figures = await page.evaluate(() => Object.fromEntries([...document.querySelectorAll("[data-key]")].map((n) => [n.dataset.key, { value: n.dataset.value, text: n.textContent }])));
seen.deepest = await page.evaluate(() => Number(document.getElementById("drawdown-plot")?.dataset.deepest));
seen.images = await page.evaluate(() => document.querySelectorAll("img").length);
const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
seen.light = await ground();

if (await page.$("#trade-table")) {
  const chart = () => page.evaluate(() => ({ ...document.getElementById("candle-chart").dataset }));
  seen.before = await chart();
  await page.click("#trade-table tbody tr:nth-child(2)");
  await page.waitForSelector("#candle-chart[data-trade='2']");
  seen.clicked = await chart();
  seen.life = await page.evaluate(() => [...document.querySelectorAll("#trade-life .order-life")].map((n) => [...n.querySelectorAll("li")].map((li) => li.children[2].textContent)));
  await page.keyboard.press("j");
  await page.waitForSelector("#candle-chart[data-trade='3']");
  seen.stepped = await chart();
  // Sorted by the result, the best first.
  await page.click("#trade-table thead button:text-is('result')");
  seen.best = await page.evaluate(() => document.querySelector("#trade-table tbody tr").dataset.row);
  await page.fill("#trade-filter", "short");
  seen.shorts = await page.evaluate(() => [...new Set([...document.querySelectorAll("#trade-table tbody tr td:nth-child(2)")].map((n) => n.textContent))]);
  await page.fill("#trade-filter", "");
}
await page.click("nav button[aria-label='dark or light']");
seen.dark = await ground();
await page.setViewportSize({ width: 390, height: 844 });
await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth, null, { timeout: 30000 }).catch(() => {});
seen.overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
seen.printed = (await page.pdf({ format: "A4", printBackground: true })).length;
await browser.close();
console.log(JSON.stringify(seen));
