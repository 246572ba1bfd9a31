/** Another tenant of a platform: how long it waits for its events to be accepted, and to be delivered, while somebody else does something. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { startReceiver } from "../helpers/receiver.ts";

export interface Neighbour {
  /** Milliseconds from the start of the slowest post to its answer and to its arrival, while `work` goes on and once after. */
  during<T>(work: () => Promise<T>): Promise<{ value: T; emitMs: number; deliveryMs: number }>;
  close(): Promise<void>;
}

const PAUSE_MS = 5;

/** @param operator an operator's token */
export async function startNeighbour(url: string, operator: string): Promise<Neighbour> {
  const receiver = await startReceiver();
  const post = async (path: string, token: string, body: object): Promise<Record<string, never>> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, never>;
  };
  const make = async (token: string, name: string, type: string, fields: string, input: object) => {
    const query = `mutation ($input: ${name.charAt(0).toUpperCase()}${name.slice(1)}Input!) { made: ${name}(input: $input) { ... on ${type} { ${fields} } } }`;
    const { data } = (await post("/graphql", token, { query, variables: { input } })) as unknown as {
      data: { made: Record<string, string> };
    };
    return data.made;
  };
  const { adminToken: token = "" } = await make(operator, "createOrganization", "CreatedOrganization", "adminToken", { name: "Next door" });
  const definition = { name: "Next door", targetUrl: receiver.url, eventTypes: ["door.*"] };
  await make(token, "createWebhookDefinition", "CreatedWebhookDefinition", "signingSecret", definition);

  async function once(): Promise<{ emitMs: number; deliveryMs: number }> {
    const began = performance.now();
    const { id } = await post("/v1/events", token, { type: "door.opened", payload: { at: began } });
    const emitMs = performance.now() - began;
    await receiver.waitFor((calls) => calls.some(({ headers }) => headers["webhook-id"] === id), 60_000);
    receiver.calls.length = 0;
    return { emitMs, deliveryMs: performance.now() - began };
  }
  // What happens only once is not what anybody else costs.
  for (let i = 0; i < 20; i++) await once();
  return {
    async during(work) {
      let over = false;
      const slowest = { emitMs: 0, deliveryMs: 0 };
      const looking = (async () => {
        for (let last = false; !last; await sleep(PAUSE_MS)) {
          last = over;
          const { emitMs, deliveryMs } = await once();
          slowest.emitMs = Math.max(slowest.emitMs, emitMs);
          slowest.deliveryMs = Math.max(slowest.deliveryMs, deliveryMs);
        }
      })();
      const value = await work().finally(() => {
        over = true;
      });
      await looking;
      return { value, ...slowest };
    },
    close: () => receiver.close(),
  };
}
