/**
 * The open subscriptions of this process: how many, and whose. One whose token is revoked or expires is ended within
 * 5 s; a `revoked` notification is the hint, asking again every 2 s the truth.
 */
import { authenticate, type Credential, isExpired } from "../accounts/authenticate.ts";
import type { Core } from "../core.ts";
import type { OpenQuotas } from "../quotas/open.ts";
import { LIVE } from "./limits.ts";

interface Connection {
  credential: Credential;
  token: string;
  end: () => void;
}

export interface LiveConnections {
  /** Undefined when the organization has too many; else call `closed` at the end. */
  open(connection: Connection): { closed: () => void } | undefined;
  /** Counts a subscription; false when the organization has too many. */
  subscribe(organizationId: string): boolean;
  unsubscribe(organizationId: string): void;
  readonly connections: number;
  readonly subscriptions: number;
  /** Ends every connection. */
  endAll(): void;
  stop(): void;
}

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

/** @param quotas of subscriptions, over all processes; beside them a process has bounds of its own */
export function createLiveConnections(core: Core, quotas: Pick<OpenQuotas, "subscribe" | "unsubscribe" | "prepare">): LiveConnections {
  const open = new Set<Connection>();
  const connections = createCounts(LIVE.connectionsPerOrganization);
  const subscriptions = createCounts(LIVE.subscriptionsPerOrganization);

  async function check(connection: Connection): Promise<void> {
    const { credential, token } = connection;
    const good = isExpired(core, credential) ? false : await authenticate(core, token).then(Boolean, () => true);
    if (!good && open.has(connection)) connection.end();
  }
  const checkAll = () => {
    for (const connection of open) void check(connection);
  };
  const timer = setInterval(checkAll, LIVE.credentialCheckMs);
  timer.unref();
  const forget = core.notify.on("revoked", (ids) => {
    if (ids.length === 0) checkAll();
    for (const connection of open) if (ids.some((id) => connection.credential.revokedBy.includes(id))) connection.end();
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
      quotas.prepare(organizationId).catch((error: Error) => core.log.debug({ err: error.message }, "quotas are read later"));
      return {
        closed() {
          if (open.delete(connection)) connections.remove(organizationId);
        },
      };
    },
    subscribe(organizationId) {
      if (!subscriptions.add(organizationId)) return false;
      if (quotas.subscribe(organizationId)) return true;
      subscriptions.remove(organizationId);
      return false;
    },
    unsubscribe(organizationId) {
      subscriptions.remove(organizationId);
      quotas.unsubscribe(organizationId);
    },
    endAll() {
      for (const connection of [...open]) connection.end();
    },
    stop() {
      clearInterval(timer);
      forget();
    },
  };
}
