/** A full garbage collection in another process, asked for through Node's inspector: nothing of the product is needed for it. */
import WebSocket from "ws";
import { sleep } from "./process.ts";

/** @param port of `--inspect=127.0.0.1:<port>` */
export async function collectGarbage(port: number): Promise<void> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  for (let i = 1; i <= 3; i++) {
    const done = new Promise((resolve) => socket.once("message", resolve));
    socket.send(JSON.stringify({ id: i, method: "HeapProfiler.collectGarbage" }));
    await done;
    await sleep(500);
  }
  socket.close();
}
