/** Many subscribers in a process of their own: one WebSocket and one subscription each, graphql-transport-ws by hand, so that they cost little. */

import WebSocket from "ws";
import { answering } from "./answering.ts";

export interface Subscribers {
  url: string;
  token: string;
  /** One socket each. */
  subscriptions: { query: string; variables: object }[];
}

type Question = { open: Subscribers } | { close: true } | { count: true } | { reset: true } | { pause: number };

let sockets: WebSocket[] = [];
let received: number[] = [];
let closed = 0;

function open(to: Subscribers, i: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${to.url.replace("http", "ws")}/graphql`, "graphql-transport-ws", { perMessageDeflate: false });
    sockets[i] = socket;
    received[i] = 0;
    socket.on("open", () => socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${to.token}` } })));
    socket.on("message", (data: Buffer) => {
      const head = data.subarray(0, 200).toString("latin1");
      if (head.includes('"type":"next"')) received[i] = (received[i] ?? 0) + 1;
      else if (head.includes("connection_ack")) {
        socket.send(JSON.stringify({ id: String(i), type: "subscribe", payload: to.subscriptions[i] }));
        resolve();
      } else if (head.includes('"type":"ping"')) socket.send('{"type":"pong"}');
      else reject(new Error(`subscriber ${i}: ${data.toString()}`));
    });
    socket.on("close", (code) => {
      closed += 1;
      reject(new Error(`subscriber ${i} was closed with ${code}`));
    });
    socket.on("error", reject);
  });
}

async function answer(question: Question): Promise<object> {
  if ("open" in question) {
    sockets = [];
    received = [];
    closed = 0;
    for (let i = 0; i < question.open.subscriptions.length; i += 50) {
      const some = question.open.subscriptions.slice(i, i + 50).map((_, k) => open(question.open, i + k));
      await Promise.all(some);
    }
  } else if ("pause" in question) {
    // The first so many take nothing any more: the platform's frames fill their windows.
    for (const socket of sockets.slice(0, question.pause)) socket.pause();
  } else if ("reset" in question) received = received.map(() => 0);
  else if ("close" in question) for (const socket of sockets) socket.terminate();
  return { received, closed };
}

answering(answer);
