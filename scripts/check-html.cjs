"use strict";
// Called by scripts/check-html: node check-html.cjs SCREENSHOTS REPORT.html...
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const SCREENS = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 900 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  { name: "narrow", colorScheme: "light", viewport: { width: 360, height: 780 } },
];

const [screenshots, ...reports] = process.argv.slice(2);

async function open(browser, report, screen) {
  const context = await browser.newContext({ ...screen, acceptDownloads: true });
  const page = await context.newPage();
  const url = pathToFileURL(path.resolve(report)).href;
  const complaints = [];
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    const asked = request.url();
    if (asked !== url && !asked.startsWith("data:") && !asked.startsWith("blob:")) complaints.push(`request: ${asked}`);
  });
  await page.goto(url);
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
  return { context, page, complaints };
}

// Every chart has a canvas on which something other than one colour stands.
async function chartsAreDrawn(page) {
  const wanted = await page.evaluate(() => JSON.parse(document.getElementById("charts").textContent).length);
  assert(wanted > 0, "a report has charts");
  await page.waitForFunction((count) => document.querySelectorAll(".plot[data-drawn=true]").length === count, wanted);
  const blank = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
    const isBlank = (canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const colours = new Set();
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] > 0) colours.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
      }
      return colours.size < 4; // grid, labels and at least one series
    };
    done([...document.querySelectorAll(".plot")]
      .filter((plot) => !plot.querySelector("canvas") || isBlank(plot.querySelector("canvas")))
      .map((plot) => plot.id));
  }))));
  assert.deepEqual(blank, [], "charts that drew nothing");
}

async function nothingOverflows(page) {
  const { content, screen } = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth, screen: document.documentElement.clientWidth,
  }));
  assert(content <= screen, `the page is ${content} wide on a screen of ${screen}`);
  const wide = await page.evaluate(() => [...document.querySelectorAll(".plot")]
    .filter((plot) => plot.scrollWidth > plot.clientWidth + 1).map((plot) => plot.id));
  assert.deepEqual(wide, [], "charts wider than their place");
}

async function hoverShowsValues(page) {
  const plot = page.locator(".plot:has(.u-legend)").first();
  await plot.locator(".u-over").hover();
  const values = await plot.locator(".u-legend .u-value").allTextContents();
  assert(values.length > 1 && values[0] !== "", `hovering shows ${JSON.stringify(values)}`);
}

async function tablesSort(page) {
  const table = page.locator("table.sortable").first();
  const column = (number) => table.locator(`tbody tr td:nth-child(${number})`).allTextContents();
  const heading = table.locator("thead th").nth(0).locator("button");
  await heading.click();
  const ascending = await column(1);
  await heading.click();
  const descending = await column(1);
  assert.deepEqual(descending, [...ascending].reverse(), "a second click reverses the order");
}

async function recordDownloads(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".download").click()]);
  const record = JSON.parse(fs.readFileSync(await download.path(), "utf8"));
  const first = Array.isArray(record) ? record[0] : record;
  assert.equal(first.schema_version, 1);
}

async function check(browser, report, screen) {
  const { context, page, complaints } = await open(browser, report, screen);
  const title = await page.title();
  await chartsAreDrawn(page);
  await nothingOverflows(page);
  const name = `${path.basename(report, ".html")}-${screen.name}.png`;
  await page.screenshot({ path: path.join(screenshots, name), fullPage: true });
  if (screen.name === "light") {
    await hoverShowsValues(page);
    await tablesSort(page);
    await recordDownloads(page);
  }
  assert.equal(await page.title(), title, "no script of the record ran");
  assert.deepEqual(complaints, [], "console, errors and requests");
  await context.close();
}

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  let failures = 0;
  for (const report of reports) {
    for (const screen of SCREENS) {
      try {
        await check(browser, report, screen);
        console.log(`ok      ${report} (${screen.name})`);
      } catch (error) {
        failures += 1;
        console.log(`FAILED  ${report} (${screen.name}): ${error.message}`);
      }
    }
  }
  await browser.close();
  process.exitCode = failures > 0 ? 1 : 0;
})();
