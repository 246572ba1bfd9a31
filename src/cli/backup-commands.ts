/** The commands of backup.ts, with their options. */
import type { Command } from "commander";
import { readConfig } from "../config.ts";
import { examples, type Output } from "./output.ts";

const sum = (tables: { rows: number }[]) => tables.reduce((total, { rows }) => total + rows, 0);

export function backupCommands(program: Command, { out, note }: Output): void {
  program
    .command("backup")
    .description("write everything, as of one moment, into one file; servers go on meanwhile. The master key is not in it: keep it apart")
    .argument("<file>", "where to; written beside it first, and renamed when it is whole")
    .option("--force", "replace a file that exists")
    .option("--json", "as JSON")
    .addHelpText("after", examples("hookline backup /backups/hookline-$(date +%F).hookline"))
    .action(async (file: string, { force, json }: { force?: true; json?: true }) => {
      const { backupTo } = await import("./backup.ts");
      const tables = await backupTo(readConfig(), file, force === true, note);
      out(json ? JSON.stringify({ file, tables }) : `${file}: ${sum(tables)} rows of ${tables.length} tables`);
    });

  program
    .command("restore")
    .description("bring a backup into an empty database, or a new data folder; stops at nothing half done")
    .argument("<file>", "what `hookline backup` wrote")
    .option("--verify", "only read the file to its end, and say what it holds")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      `${examples("DATABASE_URL=postgres://… HOOKLINE_MASTER_KEY=… hookline restore backup.hookline\nhookline restore --verify backup.hookline")}

A copy that must deliver nothing is started with HOOKLINE_DELIVERY=off.`,
    )
    .action(async (file: string, { verify, json }: { verify?: true; json?: true }) => {
      const { restoreFrom, verifyFile } = await import("./backup.ts");
      if (verify) {
        const { header, tables } = await verifyFile(file);
        out(
          json
            ? JSON.stringify({ file, header, tables })
            : `${file}: whole, of ${header.madeAt}, ${sum(tables)} rows of ${tables.length} tables, by Hookline ${header.hookline}`,
        );
        return;
      }
      const tables = await restoreFrom(readConfig(), file, note);
      out(json ? JSON.stringify({ file, tables }) : `restored ${sum(tables)} rows of ${tables.length} tables`);
    });
}
