/** `limit.door`: a bare Fastify door. Parses a JSON body and answers 202 with an id, as POST /v1/events does. */
import fastify from "fastify";
import { newId } from "./ids.ts";
import { program } from "./program.ts";

program({
  async prepare() {
    const app = fastify();
    app.post("/v1/events", async (request, reply) => {
      const { type } = request.body as { type: string };
      return reply.code(202).send({ id: newId(), type });
    });
    return { url: await app.listen({ host: "127.0.0.1", port: 0 }) };
  },
});
