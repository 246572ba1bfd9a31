/** What must not be left behind, however the bench ends: servers of their own process group, folders in the temporary one. */
import { rmSync } from "node:fs";

const folders = new Set<string>();
const servers = new Set<number>();

process.once("exit", () => {
  // SIGQUIT: Postgres ends at once, whoever is connected; its data go next.
  for (const pid of servers) process.kill(pid, "SIGQUIT");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

export const leavings = { folders, servers };
