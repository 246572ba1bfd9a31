/** `echo`: Fastify answers with the JSON body that it was sent. */
import fastify from "fastify";
import { program } from "./program.ts";

program({
  async prepare() {
    const app = fastify();
    app.post("/echo", async (request) => request.body);
    return { url: await app.listen({ host: "127.0.0.1", port: 0 }) };
  },
});
