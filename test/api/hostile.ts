/** A platform in a process of its own, and what it costs everybody else to send it something. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { createTestDatabase, MASTER_KEY_TEXT } from "../helpers/database.ts";
import { startProgram } from "../helpers/program.ts";
import type { Spite } from "./spite.ts";

export const TOKEN = "hostile-0123456789abcdefghijklmnopqrstuvwxyz";

export interface Target {
  url: string;
  /** How long its main thread has run so far, in milliseconds; undefined where the system does not tell (only Linux does). */
  ranMs(): number | undefined;
  close(): Promise<void>;
}

export async function startTarget(env: Record<string, string> = {}): Promise<Target> {
  const database = await createTestDatabase();
  const program = startProgram({
    DATABASE_URL: database.url,
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_ADMIN_TOKEN: TOKEN,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
    HOOKLINE_LOG_LEVEL: "error",
    ...env,
  });
  const url = await program.up();
  return {
    url,
    ranMs: () => ranMs(program.child.pid as number),
    async close() {
      await program.stop();
      await database.drop();
    },
  };
}

function ranMs(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return undefined;
  }
}

/** One connection that asks /healthz again and again. */
export interface Probe {
  /** Of the slowest answer while `work` goes on, in milliseconds; the answer under way when it ends counts too. */
  during<T>(work: () => Promise<T>): Promise<{ value: T; slowest: number }>;
  close(): void;
}

export function probe(url: string): Probe {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async () => {
    const began = performance.now();
    const request = http.get(`${url}/healthz`, { agent });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    await once(response, "end");
    return performance.now() - began;
  };
  return {
    async during(work) {
      await ask();
      let over = false;
      let slowest = 0;
      const looking = (async () => {
        for (;;) {
          const last = over;
          slowest = Math.max(slowest, await ask());
          if (last) break;
          await sleep(2);
        }
      })();
      const value = await work().finally(() => {
        over = true;
      });
      await looking;
      return { value, slowest };
    },
    close: () => agent.destroy(),
  };
}

/** Of one body or message, as far as it is looked at. */
const MOST_READ = 64 * 1024;

export interface Said {
  /** Of HTTP, or the code a WebSocket was closed with; 0: closed without one, or an answer on an open WebSocket. */
  status: number;
  text: string;
}

/** Longer than 20 s is a hang, and throws. */
export function send(url: string, { method, path, headers, body }: Spite, token: string | undefined): Promise<Said> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}`, admin: "true" };
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    // The path as it is: URL would mend it.
    const request = http.request({ hostname, port, method, path, headers: { ...authorization, ...headers, ...length }, agent: false });
    const late = setTimeout(() => reject(new Error("no answer after 20 s")), 20_000);
    let text = "";
    const settle = (status: number) => {
      clearTimeout(late);
      request.destroy();
      resolve({ status, text });
    };
    request.on("response", (response) => {
      response.on("data", (chunk: Buffer) => {
        if (text.length < MOST_READ) text += chunk.toString();
      });
      response.on("close", () => settle(response.statusCode ?? 0));
    });
    request.on("error", () => settle(0));
    request.end(body);
  });
}

/** Sends a message on a connection of its own, and waits for the first answer or the end. */
export async function say(url: string, message: string, token: string | undefined): Promise<Said> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws", { maxPayload: 0 });
  await once(socket, "open");
  const closed = once(socket, "close").then(([code, reason]) => ({ status: code as number, text: String(reason) }));
  if (token !== undefined) {
    socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${token}` } }));
    await once(socket, "message");
  }
  const answered = once(socket, "message").then(([data]) => ({ status: 0, text: String(data).slice(0, MOST_READ) }));
  socket.send(message);
  const said = await Promise.race([closed, answered, sleep(20_000, undefined, { ref: false })]);
  socket.terminate();
  if (!said) throw new Error("no answer after 20 s");
  return said;
}
