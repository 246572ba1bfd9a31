import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const api = process.env["HOOKLINE_DEV_API"] ?? "http://127.0.0.1:4000";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [react()],
  build: {
    outDir: fileURLToPath(new URL("../../dist/web", import.meta.url)),
    emptyOutDir: true,
    target: "es2023",
    // light-dark() stays as it is: its fallback needs more CSS than the browsers without it are worth.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // Nothing may stand inline in the page: the CSP allows scripts from our own files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/graphql": { target: api, ws: true } } },
});
