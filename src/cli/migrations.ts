/** `hookline migrate --status`. */
import type { Config } from "../config.ts";
import { type MigrationStatus, migrationStatus, wallStatus } from "../db/migrate.ts";
import type { Wall } from "../db/wall/state.ts";
import { onInstallation } from "./direct.ts";

function line({ name, state, appliedAt, steps, note }: MigrationStatus): string {
  const progress = steps ? `  ${steps.done} of ${steps.of} steps` : "";
  return `${state.padEnd(8)}  ${name}${appliedAt ? `  ${appliedAt}` : ""}${progress}${note ? `  (${note})` : ""}`;
}

const wallLine = (wall: Wall) =>
  wall.state === "on" ? `second wall: on  (${Object.values(wall.roles).join(", ")})` : `second wall: off  (${wall.why})`;

/** @returns the exit code: 1 while something is pending, begun or unknown */
export async function showMigrations(config: Config, json: boolean, out: (text: string) => void): Promise<0 | 1> {
  const [migrations, wall] = await onInstallation(
    config,
    "migrate",
    async (url) => [await migrationStatus(url), await wallStatus(url, { queueSchema: config.queueSchema })] as const,
  );
  const current = migrations.every((migration) => migration.state === "APPLIED");
  out(json ? JSON.stringify({ current, migrations, secondWall: wall }) : [...migrations.map(line), wallLine(wall)].join("\n"));
  return current ? 0 : 1;
}
