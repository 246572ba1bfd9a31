/** Messages of a WebSocket: gathered, at once, and at the end. With a real server and a real client. */
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { createSocketWriters, type SocketWriter } from "../../src/api/graphql/socket-writer.ts";

const server = createServer();
const sockets = new WebSocketServer({ noServer: true });
const writerOf = createSocketWriters();
let raw: Socket;
let writer: SocketWriter;
let client: WebSocket;
let heard: string[];
let closed: Promise<number>;

beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => {
  for (const socket of sockets.clients) socket.terminate();
  server.close();
});
beforeEach(async () => {
  heard = [];
  const opened = new Promise<void>((resolve) =>
    server.once("upgrade", (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (ready) => {
        raw = socket as Socket;
        writer = writerOf(ready, socket);
        resolve();
      }),
    ),
  );
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on("message", (data) => heard.push(String(data)));
  closed = new Promise((resolve) => client.once("close", resolve));
  await Promise.all([opened, new Promise((resolve) => client.once("open", resolve))]);
});

const arrived = (count: number) => vi.waitFor(() => expect(heard).toHaveLength(count), 5_000);

test("what one turn has goes out together, each as a message of its own, in order", async () => {
  const writes = vi.spyOn(raw as unknown as { _writev: () => void; _write: () => void }, "_writev");
  const waits = [1, 2, 3].map((n) => writer.gather(`gathered ${n}`));
  expect(waits).toEqual([undefined, undefined, undefined]);
  await arrived(3);
  expect(heard).toEqual(["gathered 1", "gathered 2", "gathered 3"]);
  expect(writes).toHaveBeenCalledTimes(1);
});

test("what is sent at once goes after what was gathered", async () => {
  writer.gather("first");
  await writer.send("second");
  writer.gather("third");
  await arrived(3);
  expect(heard).toEqual(["first", "second", "third"]);
});

test("who gathers much in a turn waits for its end, and what was gathered comes before the close frame", async () => {
  const large = "x".repeat(40_000);
  expect(writer.gather(large)).toBeUndefined();
  await writer.gather(large);
  writer.gather("last");
  writer.close(4_321, "over");
  expect(await closed).toBe(4_321);
  expect(heard).toEqual([large, large, "last"]);
  await writer.send("to nobody");
});

test("a client that takes nothing blocks: its next message waits, and it is closed when too much does", async () => {
  client.pause();
  const large = "x".repeat(1_000_000);
  for (let i = 0; i < 40 && !writer.blocked; i++) void writer.send(large);
  expect(writer.blocked).toBe(true);
  let taken = false;
  const wait = writer.gather("waits")?.then(() => (taken = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(taken).toBe(false);
  for (let i = 0; i < 10; i++) void writer.send(large);
  await wait;
  client.resume();
  expect(await closed).toBeGreaterThan(1_000);
});
