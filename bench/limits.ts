/** The two limits that the pipeline is held against, and the naive way that everybody builds first. */

import { PrismaPg } from "@prisma/adapter-pg";
import got from "got";
import { PgBoss } from "pg-boss";
import { Pool } from "undici";
import { newId, systemClock } from "../src/clock.ts";
import { readConfig } from "../src/config.ts";
import type { Core } from "../src/core.ts";
import { openDatabase } from "../src/db/client.ts";
import { PrismaClient } from "../src/db/generated/prisma/client.ts";
import { migrate } from "../src/db/migrate.ts";
import { createNotifier } from "../src/db/notify.ts";
import { claimLanes, LEASE_MS, readLanes } from "../src/delivery/lane-claim.ts";
import { enqueue, type Match } from "../src/delivery/lane-enqueue.ts";
import { commitSteps, type Settlement } from "../src/delivery/lane-settle.ts";
import { createLog } from "../src/observe/log.ts";
import { createVault } from "../src/vault.ts";
import { inFlight, measured } from "./machine.ts";
import { event, TOKEN, type World } from "./world.ts";

export interface Figure {
  perSecond: number;
  cpuMicros: number;
}

/** A bare undici loop to the same receiver: no database, no order, no signature. */
export async function limitHttp(world: World, count: number): Promise<Figure> {
  const pool = new Pool(world.receiver.url, { connections: 50, pipelining: 1 });
  const body = Buffer.from(event(1, "bench.t1"));
  await world.receiver.reset();
  const figure = await measured([process.pid], count, () =>
    inFlight(50, count, async () => {
      const { body: answer } = await pool.request({ path: "/", method: "POST", headers: { "content-type": "application/json" }, body });
      await answer.dump();
    }),
  );
  await pool.close();
  return figure;
}

async function openCore(url: string): Promise<{ core: Core; organizationId: string; definitionIds: string[]; close(): Promise<void> }> {
  await migrate(url);
  const config = readConfig({
    DATABASE_URL: url,
    HOOKLINE_MASTER_KEY: Buffer.alloc(32, 7).toString("base64"),
    HOOKLINE_ADMIN_TOKEN: TOKEN,
  });
  const log = createLog({ logLevel: "silent" });
  const db = openDatabase(url);
  const core: Core = {
    config,
    clock: systemClock,
    log,
    db,
    notify: createNotifier(url, log),
    vault: createVault([{ id: "1", key: Buffer.alloc(32, 7) }]),
  };
  const { id: organizationId } = await db.unscoped.organization.create({ data: { name: "Bench" } });
  const definitionIds = Array.from({ length: 100 }, () => newId());
  await db.unscoped.webhookDefinition.createMany({
    data: definitionIds.map((id, i) => ({ id, organizationId, number: i + 1, name: `d${i}`, code: `d${i}`, eventTypes: [`bench.t${i}`] })),
  });
  return { core, organizationId, definitionIds, close: () => db.close() };
}

/** Only the SQL of ingest, claim and settle, a hundred at a time. */
export async function limitDb(world: World, count: number): Promise<Figure> {
  const { core, organizationId, definitionIds, close } = await openCore(await world.databaseUrl());
  const payload = `{"n":1,"filler":"${"x".repeat(900)}"}`;
  const settled = new Set<string>();
  const figure = await measured([process.pid, world.postgres], count, async () => {
    for (let i = 0; i < count; i += 100) {
      const now = new Date();
      await core.db.transaction(async (client) => {
        const events = Array.from({ length: 100 }, () => newId());
        await client.query({
          name: "bench-events",
          text: `INSERT INTO event (id, organization_id, type, payload, changes, occurred_at) SELECT id, $2, 'bench', $3, '{}', now() FROM unnest($1::uuid[]) AS e(id)`,
          values: [events, organizationId, payload],
        });
        const matches = events.map(
          (id, k): Match => ({
            event: {
              id,
              organizationId,
              type: "bench",
              entity: null,
              entityId: null,
              payload,
              previous: null,
              changes: [],
              scope: null,
              actor: null,
              occurredAt: now,
              acceptedAt: now,
            },
            definitionId: definitionIds[k] as string,
            dialect: "STANDARD",
            workflowRuleId: null,
            laneKey: "",
            free: false,
            url: "http://127.0.0.1/",
            fieldsSet: [],
          }),
        );
        for (const ticket of await enqueue(client, matches, now, () => 0)) settled.add(ticket.laneId);
      });
      const lanes = await claimLanes(core.db, [...settled], () => false, LEASE_MS);
      const pages = await readLanes(
        core,
        lanes.map((lane) => ({ laneId: lane.laneId, free: false, skip: [] })),
        8,
      );
      const steps = lanes.map((lane) => ({
        laneId: lane.laneId,
        definitionId: lane.definitionId,
        token: lane.token,
        revision: lane.revision,
        settlements: (pages.get(lane.laneId)?.requests ?? []).map(
          (request): Settlement =>
            ({
              request,
              attempt: {
                ...{
                  id: newId(),
                  number: 1,
                  outcome: "DELIVERED",
                  manual: false,
                  statusCode: 200,
                  durationMs: 1,
                  errorCode: null,
                  errorDescription: null,
                },
                ...{
                  warning: null,
                  requestUrl: "http://127.0.0.1/",
                  requestHeaders: {},
                  requestBody: payload,
                  responseHeaders: {},
                  responseBody: "ok",
                },
                ...{ responseTruncated: false, startedAt: now },
              } as NonNullable<Settlement["attempt"]>,
              ...{
                state: "DELIVERED",
                tries: 0,
                waitMs: null,
                requeue: false,
                blocks: false,
                url: null,
                authenticationCode: null,
                fieldsSet: [],
              },
              ...{ notificationStatus: null, notificationMessage: null, lastError: null },
            }) as Settlement,
        ),
        marks: [],
        unmarks: [],
        release: { kind: "WAIT" as const, reason: null },
        free: false,
        stopAt: null,
        gone: null,
      }));
      await commitSteps(core.db, steps, async () => undefined, LEASE_MS);
    }
  });
  await close();
  return figure;
}

/** One pg-boss job per delivery, rows by Prisma, got for the call. */
export async function naive(world: World, count: number): Promise<Figure> {
  const url = await world.databaseUrl();
  await migrate(url);
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
  const { id: organizationId } = await prisma.organization.create({ data: { name: "Naive" } });
  const definition = await prisma.webhookDefinition.create({
    data: { organizationId, number: 1, name: "n", code: "n", eventTypes: ["*"] },
  });
  const boss = new PgBoss({ connectionString: url });
  boss.on("error", () => undefined);
  await boss.start();
  await boss.createQueue("deliver");
  await world.receiver.reset();
  const payload = `{"n":1,"filler":"${"x".repeat(900)}"}`;
  let number = 0;
  let done = 0;
  await boss.work<{ requestId: string }>("deliver", { batchSize: 20, pollingIntervalSeconds: 0.5 }, async (jobs) => {
    await Promise.all(
      jobs.map(async ({ data }) => {
        const request = await prisma.webhookRequest.findUniqueOrThrow({ where: { id: data.requestId }, include: { event: true } });
        const answer = await got.post(world.receiver.url, {
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
            requestUrl: world.receiver.url,
            startedAt: new Date(),
          },
        });
        await prisma.webhookRequest.update({ where: { id: request.id }, data: { state: "DELIVERED", settledAt: new Date() } });
        done += 1;
      }),
    );
  });
  const figure = await measured([process.pid, world.postgres], count, async () => {
    await inFlight(50, count, async () => {
      const eventId = newId();
      const requestId = newId();
      await prisma.event.create({ data: { id: eventId, organizationId, type: "bench", payload, occurredAt: new Date() } });
      await prisma.webhookRequest.create({
        data: {
          id: requestId,
          organizationId,
          number: ++number,
          definitionId: definition.id,
          eventId,
          dialect: "STANDARD",
          eventType: "bench",
        },
      });
      await boss.send("deliver", { requestId });
    });
    while (done < count) await new Promise((resolve) => setTimeout(resolve, 10));
  });
  await boss.stop({ graceful: false });
  await prisma.$disconnect();
  return figure;
}
