/** @file The page of the run panel. */
import { htmlText } from "../../words/surfaces.ts";

export interface PageParts {
  nonce: string;
  /** `webview.cspSource` */
  source: string;
  /** Addresses of the bundle, as the webview reaches them. */
  script: string;
  style: string;
  language: string;
  title: string;
  /** What stands there until the first message. */
  waiting: string;
}

/** Nothing may be loaded or run but the one script and the one style sheet; the page reaches no network. */
export function panelHtml({ nonce, source, script, style, language, title, waiting }: PageParts): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source} 'nonce-${nonce}'`,
    `font-src ${source}`,
    `img-src ${source} data:`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${htmlText(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${htmlText(policy)}">
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" nonce="${nonce}" href="${htmlText(style)}">
<title>${htmlText(title)}</title>
</head>
<body>
<div id="panel"><p class="waiting">${htmlText(waiting)}</p></div>
<script nonce="${nonce}" src="${htmlText(script)}"></script>
</body>
</html>
`;
}
