import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const api = process.env["HOOKLINE_DEV_API"] ?? "http://127.0.0.1:4000";

/** What only the larger forms use. */
const EDITOR =
  /NumberInput|react-number-format|TagsInput|\/Radio|(script-editor|pairs|filter-(builder|model)|editor-(?!lazy)\w+|schedule|dry-run)\./;
/** Charts stay apart: they weigh as much as the rest. */
const LIBRARY =
  /node_modules\/(?!.*(recharts|mantine\/charts|d3-|victory|redux|es-toolkit|decimal|immer|reselect|eventemitter|NumberInput|react-number-format|TagsInput|\/Radio|PasswordInput|Textarea|JsonInput))/;

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
    chunkSizeWarningLimit: 700,
    // Left alone, each icon that two pages share is a file of 120 bytes, and a page asks for fifty of them.
    rolldownOptions: {
      output: {
        // Sixty names stand in the shell, and a hash does not compress.
        entryFileNames: "assets/[name]-[hash:6].js",
        chunkFileNames: "assets/[name]-[hash:6].js",
        assetFileNames: "assets/[name]-[hash:6][extname]",
        codeSplitting: {
          groups: [
            { name: "shell", tags: ["$initial"], priority: 4 },
            { name: "editor", test: EDITOR, minShareCount: 2, priority: 1 },
            { name: "fields", test: LIBRARY, minShareCount: 2, priority: 3 },
            {
              name: "base",
              test: /src\/web\/(components\/(?!script-editor|pairs|shortcuts|views-window|code\.|pretty|address-choice)|graphql|request\/(why|sentence)|log\/filter|webhooks\/(area|names|dialects|recover\.tsx|recover-view))/,
              minShareCount: 2,
              priority: 2,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { "/graphql": { target: api, ws: true } } },
});
