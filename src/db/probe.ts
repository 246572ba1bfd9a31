/**
 * Whether connections are sessions of their own: PgBouncer in transaction or statement mode hands a server connection to
 * whoever comes next, so that settings, LISTEN and prepared statements are lost or land elsewhere. Found before anything is
 * written.
 */
import { randomBytes } from "node:crypto";
import { DatabaseRefusal } from "./refusal.ts";
import { clientConfig, SessionClient } from "./session-client.ts";
import { isUnavailable } from "./unavailable.ts";

const PATIENCE_MS = 2_000;

const REFUSED =
  "DATABASE_URL leads to a connection pooler that shares sessions (PgBouncer in transaction or statement mode): Hookline needs a session of its own per connection; give it a port in session mode (pool_mode = session), or Postgres's own address in HOOKLINE_DATABASE_DIRECT_URL";

/** A pooler keeps who comes next waiting; Postgres itself would say that it is full. */
class SecondConnectionError extends Error {
  readonly code = "53300";
  constructor(cause: unknown) {
    super(
      "the database gave one connection, and none to the next: let the pooler before it have more (default_pool_size: 2 × HOOKLINE_DATABASE_POOL + 8 for each process)",
      { cause },
    );
    this.name = "SecondConnectionError";
  }
}

/** @throws DatabaseRefusal · SecondConnectionError, which may pass */
export async function checkSessions(url: string): Promise<void> {
  const channel = `hookline_probe_${randomBytes(6).toString("hex")}`;
  const listener = new SessionClient(clientConfig({ url, purpose: "probe" }));
  const speaker = new SessionClient(clientConfig({ url, purpose: "probe" }));
  try {
    await listener.connect();
    const heard = Promise.withResolvers<boolean>();
    listener.on("notification", (message) => message.channel === channel && heard.resolve(true));
    await listener.query(`LISTEN ${channel}`);
    await speaker.connect().catch((error: Error & { code?: string }) => {
      throw error.code === undefined && isUnavailable(error) ? new SecondConnectionError(error) : error;
    });
    const held = (await speaker.query("SELECT current_setting('TimeZone') AS zone")) as { rows: { zone: string }[] };
    await speaker.query(`NOTIFY ${channel}`);
    // From here on, so that a server that is slow to connect to is not taken for a pooler.
    const late = setTimeout(() => heard.resolve(false), PATIENCE_MS);
    const isSession = held.rows[0]?.zone === "UTC" && (await heard.promise);
    clearTimeout(late);
    if (!isSession) throw new DatabaseRefusal(REFUSED);
  } catch (error) {
    // Statement mode refuses the first message itself: several statements are a transaction to it.
    if (/statement pooling mode/i.test((error as Error).message)) throw new DatabaseRefusal(REFUSED, { cause: error });
    throw error;
  } finally {
    await Promise.all([listener.end(), speaker.end()].map((ending) => ending.catch(() => undefined)));
  }
}
