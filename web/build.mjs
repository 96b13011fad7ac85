// Builds the page into the Go package that embeds it. The same input gives the
// same bytes: versions are pinned by the lock file, and no path goes in.
import { build } from "esbuild";

const out = "../cmd/systape/internal/page/bundle";
const common = { bundle: true, minify: true, legalComments: "eof", charset: "utf8", logLevel: "warning", target: ["chrome100", "firefox113", "safari16.4"] };

await build({ ...common, entryPoints: ["src/main.ts"], format: "iife", outfile: `${out}/page.js` });
await build({ ...common, entryPoints: ["src/page.css"], outfile: `${out}/page.css` });
