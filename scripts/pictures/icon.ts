/**
 * @file The extension's icon from its drawing: media/ulpt.svg on a coloured tile, 256×256.
 *
 *   tsx scripts/pictures/icon.ts
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const media = fileURLToPath(new URL("../../media/", import.meta.url));
const drawing = readFileSync(`${media}ulpt.svg`, "utf8").replace('stroke="#000"', 'stroke="#fff"');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const page = await browser.newPage({ viewport: { width: 256, height: 256 } });
await page.setContent(
  `<style>body{margin:0}div{width:256px;height:256px;border-radius:48px;display:grid;place-items:center;
   background:linear-gradient(145deg,#2f6fde,#6a3fc4)}svg{width:190px;height:190px}</style><div>${drawing}</div>`,
);
await page.locator("div").screenshot({ path: `${media}icon.png`, omitBackground: true });
await browser.close();
