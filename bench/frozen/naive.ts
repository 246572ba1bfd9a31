/**
 * `naive`: one pg-boss job per delivery, rows by Prisma, got for the call. Fed by a loop of `fetch` that never rests while
 * there is work: `work()` polls, and 20 jobs every 0.5 s would be 40/s on any machine, which says nothing about this way.
 */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { PrismaPg } from "@prisma/adapter-pg";
import got from "got";
import { PgBoss } from "pg-boss";
import { newId } from "./ids.ts";
import { bodyOf, inFlight, program } from "./program.ts";
import { openTables } from "./statements.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const [organizationId, definitionId] = [newId(), newId()];
let prisma: Prisma;
let boss: PgBoss;
let url = "";
let payloads: string[] = [];
let number = 0;

/** What is used of the client that `prisma generate` makes of schema.prisma. */
interface Table {
  create(input: { data: object }): Promise<unknown>;
  update(input: { where: object; data: object }): Promise<unknown>;
  findUniqueOrThrow(input: object): Promise<{ id: string; event: { payload: string } }>;
}
interface Prisma {
  event: Table;
  webhookRequest: Table;
  attempt: Table;
}

async function openPrisma(databaseUrl: string): Promise<Prisma> {
  const schema = path.join(import.meta.dirname, "schema.prisma");
  // The command would download an engine that `generate` does not need: any file in its place will do.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath };
  await promisify(execFile)(path.join(ROOT, "node_modules/.bin/prisma"), ["generate", "--schema", schema], { cwd: ROOT, env });
  const made = "../results/naive-client/client.ts";
  const { PrismaClient } = (await import(made)) as { PrismaClient: new (options: object) => Prisma };
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl }) });
}

async function deliver(requestId: string): Promise<void> {
  const request = await prisma.webhookRequest.findUniqueOrThrow({ where: { id: requestId }, include: { event: true } });
  const answer = await got.post(url, {
    body: request.event.payload,
    headers: { "content-type": "application/json" },
    retry: { limit: 0 },
  });
  await prisma.attempt.create({
    data: {
      id: newId(),
      organizationId,
      requestId: request.id,
      number: 1,
      outcome: "DELIVERED",
      durationMs: 1,
      statusCode: answer.statusCode,
      requestUrl: url,
      startedAt: new Date(),
    },
  });
  await prisma.webhookRequest.update({ where: { id: request.id }, data: { state: "DELIVERED", settledAt: new Date() } });
}

async function accept(i: number): Promise<void> {
  const [eventId, requestId] = [newId(), newId()];
  await prisma.event.create({
    data: { id: eventId, organizationId, type: "bench.event", payload: bodyOf(payloads, i), occurredAt: new Date() },
  });
  const data = { id: requestId, organizationId, number: ++number, definitionId, eventId, dialect: "STANDARD", eventType: "bench.event" };
  await prisma.webhookRequest.create({ data });
  await boss.send("deliver", { requestId });
}

program({
  async prepare(input) {
    payloads = input.payloads;
    url = input.receiverUrl as string;
    const databaseUrl = input.databaseUrl as string;
    await (await openTables(databaseUrl, 1)).end();
    prisma = await openPrisma(databaseUrl);
    boss = new PgBoss({ connectionString: databaseUrl });
    boss.on("error", () => undefined);
    await boss.start();
    await boss.createQueue("deliver");
    return {};
  },
  async run({ count, width, offset }) {
    let done = 0;
    async function work(): Promise<void> {
      while (done < count) {
        const jobs = await boss.fetch<{ requestId: string }>("deliver", { batchSize: width });
        await Promise.all(
          jobs.map(async ({ id, data }) => {
            await deliver(data.requestId);
            await boss.complete("deliver", id);
            done += 1;
          }),
        );
        if (jobs.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    const began = performance.now();
    const worked = work();
    await inFlight(width, count, (i) => accept(offset + i));
    await worked;
    return { seconds: (performance.now() - began) / 1000 };
  },
});
