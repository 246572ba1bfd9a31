/** How a server's connections end when it closes: who waits for an answer gets it, and nobody else stays. */
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Leaving {
  /** Every reply that has not begun closes its connection from now on. */
  begin(): void;
  /** Cuts the connections whose client neither reads nor leaves. Calls that are still being answered go on. */
  cut(): void;
}

/** @param server before it listens */
export function watchLeaving(server: Server): Leaving {
  const sockets = new Set<Socket>();
  const replies = new Set<ServerResponse>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.prependListener("request", (_request, response) => {
    replies.add(response);
    response.once("close", () => replies.delete(response));
  });
  return {
    begin() {
      // Left open, an idle connection would hold the stop: Node closes only those that are idle when the server closes.
      for (const reply of replies) if (!reply.headersSent) reply.setHeader("connection", "close");
    },
    cut() {
      const waitedFor = new Set([...replies].filter(({ req, headersSent }) => req.complete && !headersSent).map(({ socket }) => socket));
      for (const socket of sockets) if (!waitedFor.has(socket)) socket.destroy();
    },
  };
}
