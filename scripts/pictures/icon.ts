/** @file Draws media/icon.png, the icon of the extension in lists of extensions: the mark of the activity bar on a tile. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const media = fileURLToPath(new URL("../../media/", import.meta.url));
const size = 256;

const mark = readFileSync(`${media}ulpt.svg`, "utf8").replace("#000", "#fff");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const page = await browser.newPage({ viewport: { width: size, height: size } });
await page.setContent(`<style>
  body { margin: 0 }
  div { box-sizing: border-box; width: ${size}px; height: ${size}px; padding: 44px; border-radius: 56px;
        background: linear-gradient(155deg, #2f6fde, #1b3a8a) }
  svg { width: 100%; height: 100% }
</style><div>${mark}</div>`);
await page.screenshot({ path: `${media}icon.png`, omitBackground: true });
await browser.close();
