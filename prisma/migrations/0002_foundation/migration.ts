/** 0.1 → 0.2: the one upgrade with a stop. Its steps are the .sql files beside it, each a transaction of its own. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const folder = import.meta.dirname;

/** No other Hookline may be connected meanwhile: 0.1 knows nothing of these tables. */
export const alone = true;

export const steps = readdirSync(folder)
  .filter((file) => file.endsWith(".sql"))
  .sort()
  .map((file) => ({ name: file.slice(0, -".sql".length), sql: readFileSync(path.join(folder, file), "utf8") }));
