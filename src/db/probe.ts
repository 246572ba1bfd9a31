/**
 * Whether connections are sessions of their own: PgBouncer in transaction or statement mode hands a server connection to
 * whoever comes next, so that settings, LISTEN and prepared statements are lost or land elsewhere. Found before anything is
 * written.
 */
import { randomBytes } from "node:crypto";
import { DatabaseRefusal } from "./refusal.ts";
import { clientConfig, SessionClient } from "./session-client.ts";

const PATIENCE_MS = 2_000;

const REFUSED =
  "DATABASE_URL leads to a connection pooler that shares sessions (PgBouncer in transaction or statement mode): Hookline needs a session of its own per connection; give it a port in session mode (pool_mode = session), or Postgres's own port";

/** @throws DatabaseRefusal */
export async function checkSessions(url: string): Promise<void> {
  const channel = `hookline_probe_${randomBytes(6).toString("hex")}`;
  const listener = new SessionClient(clientConfig({ url, purpose: "probe" }));
  const speaker = new SessionClient(clientConfig({ url, purpose: "probe" }));
  try {
    await listener.connect();
    const heard = new Promise<boolean>((resolve) => {
      listener.on("notification", (message) => message.channel === channel && resolve(true));
      setTimeout(() => resolve(false), PATIENCE_MS).unref();
    });
    await listener.query(`LISTEN ${channel}`);
    await speaker.connect();
    const held = (await speaker.query("SELECT current_setting('TimeZone') AS zone")) as { rows: { zone: string }[] };
    await speaker.query(`NOTIFY ${channel}`);
    if (held.rows[0]?.zone !== "UTC" || !(await heard)) throw new DatabaseRefusal(REFUSED);
  } catch (error) {
    // Statement mode refuses the first message itself: several statements are a transaction to it.
    if (/statement pooling mode/i.test((error as Error).message)) throw new DatabaseRefusal(REFUSED, { cause: error });
    throw error;
  } finally {
    await Promise.all([listener.end(), speaker.end()].map((ending) => ending.catch(() => undefined)));
  }
}
