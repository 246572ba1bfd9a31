import path from "node:path";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { type Program, startProgram } from "../helpers/program.ts";

/** A whole server on that database, which delivers to this machine. @param undo ends it, unless it has ended by then */
export function startOnDatabase(
  url: string,
  { token, folder, undo, env = {} }: { token: string; folder: string; undo: (() => Promise<unknown>)[]; env?: Record<string, string> },
): Program {
  const program = startProgram({
    DATABASE_URL: url,
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_ADMIN_TOKEN: token,
    HOOKLINE_DATA_DIR: path.join(folder, "data"),
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8,::1/128",
    ...env,
  });
  undo.push(async () => {
    if (program.child.exitCode === null) await program.stop();
  });
  return program;
}
