/**
 * Where a URL leads: a connection made anew tells, every few seconds. One for all in this process who want to know, since it
 * costs both sides some milliseconds.
 */
import { LOOK_PROFILE } from "./session.ts";
import { clientConfig, SessionClient } from "./session-client.ts";

const LOOK_MS = 10_000;

/** Which server it is, and which run of it. */
export async function serverOf(connection: SessionClient): Promise<string> {
  const { rows } = (await connection.query("SELECT pg_postmaster_start_time()::text AS started")) as { rows: { started: string }[] };
  return rows[0]?.started ?? "";
}

type Told = (server: string) => void;

interface Watched {
  told: Set<Told>;
  timer: NodeJS.Timeout;
}

const watched = new Map<string, Watched>();

/** @returns undefined when no connection can be made */
async function look(url: string): Promise<string | undefined> {
  const connection = new SessionClient(clientConfig({ url, purpose: "look", profile: LOOK_PROFILE }));
  try {
    await connection.connect();
    return await serverOf(connection);
  } catch {
    return undefined;
  } finally {
    await connection.end().catch(() => undefined);
  }
}

/** @param told where it leads now, again and again @returns ends it */
export function watchServer(url: string, told: Told): () => void {
  let entry = watched.get(url);
  if (!entry) {
    const all = new Set<Told>();
    let looking = false;
    const timer = setInterval(async () => {
      if (looking) return;
      looking = true;
      const server = await look(url);
      looking = false;
      if (server !== undefined) for (const each of [...all]) each(server);
    }, LOOK_MS);
    timer.unref();
    entry = { told: all, timer };
    watched.set(url, entry);
  }
  const { told: all, timer } = entry;
  all.add(told);
  return () => {
    all.delete(told);
    if (all.size > 0 || watched.get(url)?.told !== all) return;
    clearInterval(timer);
    watched.delete(url);
  };
}
