/** `hookline migrate --status`. */
import type { Config } from "../config.ts";
import { type MigrationStatus, migrationStatus } from "../db/migrate.ts";
import { onDatabase } from "./database.ts";

function line({ name, state, appliedAt, steps, note }: MigrationStatus): string {
  const progress = steps ? `  ${steps.done} of ${steps.of} steps` : "";
  return `${state.padEnd(8)}  ${name}${appliedAt ? `  ${appliedAt}` : ""}${progress}${note ? `  (${note})` : ""}`;
}

/** @returns the exit code: 1 while something is pending, begun or unknown */
export async function showMigrations(config: Config, json: boolean, out: (text: string) => void): Promise<0 | 1> {
  const migrations = await onDatabase(config, (url) => migrationStatus(url));
  const current = migrations.every((migration) => migration.state === "APPLIED");
  out(json ? JSON.stringify({ current, migrations }) : migrations.map(line).join("\n"));
  return current ? 0 : 1;
}
