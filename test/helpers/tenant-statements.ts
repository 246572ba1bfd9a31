/** What is sent to the tenants' pool, for tests that count statements. */
import { vi } from "vitest";
import type { Database } from "../../src/db/client.ts";

export interface Sent {
  /** Of a statement of the sql/ folders. */
  name: string | undefined;
  text: string;
}

/** @returns what is sent from now on, until `stop` */
export function watchTenantStatements(db: Database): { sent: Sent[]; stop(): void } {
  const sent: Sent[] = [];
  const { tenant } = db;
  const spy = vi.spyOn(db, "tenant").mockImplementation((organizationId) => {
    const one = tenant(organizationId);
    const query = (...args: [string | { name?: string; text: string }]) => {
      const [config] = args;
      sent.push(typeof config === "string" ? { name: undefined, text: config } : { name: config.name, text: config.text });
      return one.query(...(args as [string]));
    };
    return { ...one, query: query as typeof one.query };
  });
  return { sent, stop: () => spy.mockRestore() };
}
