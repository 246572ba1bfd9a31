/**
 * The open sockets and streams of this process: how many, and whose. Each was opened with certain rights; one whose token is
 * no longer good, or allows something else now, is ended within 1 s. A `revoked` notification is the hint, asking again every
 * 750 ms, all in one statement, the truth.
 */
import { type Credential, credentialsNow, rightsOf } from "../accounts/authenticate.ts";
import type { Core } from "../core.ts";
import type { QuotaLeft } from "../errors.ts";
import type { OpenQuotas } from "../quotas/open.ts";
import { RETRY_AFTER } from "../quotas/quotas.ts";
import { LIVE } from "./limits.ts";

/** GONE: the token is revoked or expired, its user deleted or disabled. CHANGED: it may do something else than when it opened. */
export type Ending = "GONE" | "CHANGED";

interface Connection {
  credential: Credential;
  token: string;
  end: (why: Ending) => void;
}

export interface LiveConnections {
  /** Undefined when the organization has too many; else call `closed` at the end. */
  open(connection: Connection): { closed: () => void } | undefined;
  /** Counts a subscription, unless the organization has too many: then it says how many it may have. */
  subscribe(organizationId: string): Promise<QuotaLeft | undefined>;
  unsubscribe(organizationId: string): void;
  readonly connections: number;
  readonly subscriptions: number;
  /** Ends every connection. */
  endAll(): void;
  stop(): void;
}

/** Tokens of one statement. */
const AT_ONCE = 1_000;

/** Counts per organization, without rows of zero. */
function createCounts(limit: number) {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    get total() {
      return total;
    },
    add(key: string): boolean {
      const count = counts.get(key) ?? 0;
      if (count >= limit) return false;
      counts.set(key, count + 1);
      total++;
      return true;
    },
    remove(key: string): void {
      const count = counts.get(key) ?? 0;
      if (count <= 1) counts.delete(key);
      else counts.set(key, count - 1);
      total--;
    },
  };
}

/** How the rights that something was opened with have ended; undefined while they are what they were. */
export function endingOf(opened: Credential, now: Credential | undefined): Ending | undefined {
  if (now === undefined) return "GONE";
  return rightsOf(now) === rightsOf(opened) ? undefined : "CHANGED";
}

/** Somebody's subscription has to end first: nobody knows when that is. */
export const tooMany = (limit: number): QuotaLeft => ({ limit, remaining: 0, resetSeconds: RETRY_AFTER.subscriptions });

/** @param quotas of subscriptions, over all processes; beside them a process has bounds of its own */
export function createLiveConnections(core: Core, quotas: Pick<OpenQuotas, "subscribe" | "unsubscribe" | "prepare">): LiveConnections {
  const open = new Set<Connection>();
  const connections = createCounts(LIVE.connectionsPerOrganization);
  const subscriptions = createCounts(LIVE.subscriptionsPerOrganization);

  async function check(asked: readonly Connection[]): Promise<void> {
    const tokens = [...new Set(asked.map(({ token }) => token))];
    for (let at = 0; at < tokens.length; at += AT_ONCE) {
      const some = new Set(tokens.slice(at, at + AT_ONCE));
      const now = await credentialsNow(core, [...some]);
      for (const connection of asked) {
        if (!some.has(connection.token) || !open.has(connection)) continue;
        const why = endingOf(connection.credential, now.get(connection.token));
        if (why) connection.end(why);
      }
    }
  }
  // A database that is away ends nobody: with it back they are asked about again.
  const begin = (asked: readonly Connection[]) => check(asked).catch((err) => core.log.debug({ err }, "open connections were not checked"));

  let checking: Promise<void> | undefined;
  const timer = setInterval(() => {
    if (open.size > 0) checking ??= begin([...open]).finally(() => (checking = undefined));
  }, LIVE.credentialCheckMs);
  timer.unref();
  const forget = core.notify.on("revoked", (ids) => {
    const named = ids.length === 0 ? [...open] : [...open].filter(({ credential }) => ids.some((id) => credential.revokedBy.includes(id)));
    if (named.length > 0) void begin(named);
  });

  return {
    get connections() {
      return connections.total;
    },
    get subscriptions() {
      return subscriptions.total;
    },
    open(connection) {
      const { organizationId } = connection.credential.caller;
      if (!connections.add(organizationId)) return undefined;
      open.add(connection);
      return {
        closed() {
          if (open.delete(connection)) connections.remove(organizationId);
        },
      };
    },
    async subscribe(organizationId) {
      // What is not known yet, or was changed, would let any number pass.
      await quotas.prepare(organizationId).catch((error: Error) => core.log.debug({ err: error.message }, "quotas are read later"));
      if (!subscriptions.add(organizationId)) return tooMany(LIVE.subscriptionsPerOrganization);
      const limit = quotas.subscribe(organizationId);
      if (limit === undefined) return undefined;
      subscriptions.remove(organizationId);
      return tooMany(limit);
    },
    unsubscribe(organizationId) {
      subscriptions.remove(organizationId);
      quotas.unsubscribe(organizationId);
    },
    endAll() {
      for (const connection of [...open]) connection.end("GONE");
    },
    stop() {
      clearInterval(timer);
      forget();
    },
  };
}
