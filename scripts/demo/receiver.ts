/** The demo's receiver: out of order at first, and suspicious of every signature. What it saw is the evidence. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { verify } from "./verify.ts";

export interface Call {
  /** The path: one for each definition. */
  path: string;
  webhookId: string;
  type: string;
  entityId: string;
  /** The event's place in what was emitted; undefined for a test delivery. */
  sequence: number | undefined;
  verified: boolean;
  status: number;
  /** Other calls of the same lane that were under way when this one came. */
  beside: number;
}

export interface Receiver {
  url: string;
  calls: Call[];
  /** The secret that signs what comes to a path. */
  trust(path: string, secret: string): void;
  close(): Promise<void>;
}

export type LaneOf = (path: string, entityId: string) => string;

interface Body {
  type: string;
  subject?: string;
  data: { sequence?: number };
}

/**
 * @param failures how often a lane is answered 503 before it works; tests are answered 200 always
 * @param laneOf which calls must never be under way together
 */
export async function startReceiver(failures: (lane: string) => number, laneOf: LaneOf): Promise<Receiver> {
  const secrets = new Map<string, string>();
  const calls: Call[] = [];
  const failed = new Map<string, number>();
  const underWay = new Map<string, number>();

  const server = createServer(async (request, response) => {
    const path = request.url ?? "/";
    const raw = await text(request);
    const body = JSON.parse(raw) as Body;
    const entityId = body.subject?.split("/")[1] ?? "";
    const lane = laneOf(path, entityId);
    const beside = underWay.get(lane) ?? 0;
    underWay.set(lane, beside + 1);
    const verified = verify(secrets.get(path) ?? "", request.headers, raw);
    const { sequence } = body.data;
    const failedBefore = failed.get(lane) ?? 0;
    const fails = verified && sequence !== undefined && failedBefore < failures(lane);
    if (fails) failed.set(lane, failedBefore + 1);
    const status = !verified ? 401 : fails ? 503 : 200;
    calls.push({ path, webhookId: String(request.headers["webhook-id"]), type: body.type, entityId, sequence, verified, status, beside });
    // A receiver takes a moment, so that the log has something to show and order something to get wrong.
    setTimeout(() => {
      underWay.set(lane, (underWay.get(lane) ?? 1) - 1);
      response.writeHead(status, { "content-type": "text/plain" }).end(status === 200 ? "ok" : "not now");
    }, 5);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    trust: (path, secret) => secrets.set(path, secret),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
