// Makes web/static/ from the pinned npm packages: styles without any address of another host, scripts and images as they come.
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { compile } from "sass";

const PACKAGES = "node_modules";
const DONE = "web/static";
const OUT = `${DONE}.new`; // beside, so that a program that starts meanwhile finds the old ones

const COPIES = {
  "nhsuk-frontend.min.js": "nhsuk-frontend/dist/nhsuk/nhsuk-frontend.min.js",
  "htmx.min.js": "htmx.org/dist/htmx.min.js",
  "htmx-sse.min.js": "htmx-ext-sse/dist/sse.min.js",
  "uplot.min.js": "uplot/dist/uPlot.iife.min.js",
  "uplot.min.css": "uplot/dist/uPlot.min.css",
};

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
cpSync(`${PACKAGES}/nhsuk-frontend/dist/nhsuk/assets/images`, `${OUT}/images`, { recursive: true });
for (const [name, source] of Object.entries(COPIES)) copyFileSync(`${PACKAGES}/${source}`, `${OUT}/${name}`);

// Source maps are not shipped, so nothing may ask for them.
const script = readFileSync(`${OUT}/nhsuk-frontend.min.js`, "utf8");
writeFileSync(`${OUT}/nhsuk-frontend.min.js`, script.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n"));

const { css } = compile("web/styles/pages.scss", { loadPaths: [PACKAGES], style: "compressed", quietDeps: true });
if (/url\(["']?(https?:)?\/\//.test(css)) throw new Error("the styles would fetch something from another host");
writeFileSync(`${OUT}/pages.css`, css);

rmSync(DONE, { recursive: true, force: true });
renameSync(OUT, DONE);
