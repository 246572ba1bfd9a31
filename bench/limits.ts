/** The two limits that the pipeline is held against, and the naive way that everybody builds first. */

import { PrismaPg } from "@prisma/adapter-pg";
import got from "got";
import pg from "pg";
import { PgBoss } from "pg-boss";
import { Pool } from "undici";
import { newId } from "../src/clock.ts";
import { PrismaClient } from "../src/db/generated/prisma/client.ts";
import { migrate } from "../src/db/migrate.ts";
import { inFlight, measured } from "./machine.ts";
import { event, type World } from "./world.ts";

/** Deliveries in one statement of limit.db. */
const BATCH = 100;

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

const INGEST = `
  WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[]) AS g(event_id, request_id, lane_id, n)),
  events AS (
    INSERT INTO event (id, organization_id, type, payload, changes, occurred_at)
    SELECT event_id, $5, 'bench.event', $6, '{}', now() FROM given
  ), lanes AS (
    UPDATE lane l SET last_number = l.last_number + c.n, last_position = l.last_position + c.n
    FROM (SELECT lane_id, count(*) AS n FROM given GROUP BY lane_id) c WHERE l.id = c.lane_id
  ), requests AS (
    INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, dialect, event_type)
    SELECT request_id, $5, n, $7, event_id, lane_id, n, n, 'STANDARD', 'bench.event' FROM given
  ), feed AS (
    INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count)
    SELECT $5, n * 2, 'REQUEST', request_id, $7, 'PENDING', 0 FROM given
  )
  INSERT INTO lane_entry (lane_id, position, request_id) SELECT lane_id, n, request_id FROM given`;

const CLAIM = `
  SELECT e.lane_id, e.position, r.id, v.payload FROM unnest($1::uuid[]) AS w(lane_id)
  CROSS JOIN LATERAL (SELECT * FROM lane_entry q WHERE q.lane_id = w.lane_id ORDER BY q.position LIMIT 32) e
  JOIN webhook_request r ON r.id = e.request_id JOIN event v ON v.id = r.event_id`;

const SETTLE = `
  WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int8[]) AS g(attempt_id, request_id, lane_id, position)),
  attempts AS (
    INSERT INTO attempt (id, organization_id, request_id, number, outcome, status_code, duration_ms, request_url, request_body, started_at)
    SELECT attempt_id, $5, request_id, 1, 'DELIVERED', 200, 1, 'http://receiver', $6, now() FROM given
  ), requests AS (
    UPDATE webhook_request r SET state = 'DELIVERED', attempt_count = 1, settled_at = now(), updated_at = now() FROM given g WHERE r.id = g.request_id
  ), feed AS (
    INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, state, attempt_count)
    SELECT $5, position * 2 + 1, 'REQUEST', request_id, $7, 'DELIVERED', 1 FROM given
  )
  DELETE FROM lane_entry e USING given g WHERE e.lane_id = g.lane_id AND e.position = g.position`;

/** Only the SQL of ingest, claim and settle: one statement each for a hundred deliveries. What no pipeline can undercut. */
export async function limitDb(world: World, count: number): Promise<Figure> {
  const url = await world.databaseUrl();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const [organization, definition] = [newId(), newId()];
  const payload = `{"n":1,"filler":"${"x".repeat(900)}"}`;
  const lanes = Array.from({ length: BATCH }, () => newId());
  await client.query("INSERT INTO organization (id, name) VALUES ($1, 'limit')", [organization]);
  await client.query(
    "INSERT INTO lane (id, organization_id, definition_id, key) SELECT id, $2, $3, id::text FROM unnest($1::uuid[]) AS l(id)",
    [lanes, organization, definition],
  );
  const ids = () => Array.from({ length: BATCH }, () => newId());
  const figure = await measured([process.pid, world.postgres], count, async () => {
    for (let done = 0; done < count; done += BATCH) {
      const numbers = Array.from({ length: BATCH }, (_, i) => done + i + 1);
      await client.query({ name: "ingest", text: INGEST, values: [ids(), ids(), lanes, numbers, organization, payload, definition] });
      const { rows } = await client.query<{ lane_id: string; position: number; id: string }>({
        name: "claim",
        text: CLAIM,
        values: [lanes],
      });
      const column = <T>(of: (row: (typeof rows)[number]) => T) => rows.map(of);
      await client.query({
        name: "settle",
        text: SETTLE,
        values: [ids(), column((r) => r.id), column((r) => r.lane_id), column((r) => r.position), organization, payload, definition],
      });
    }
  });
  await client.end();
  return figure;
}

/**
 * One pg-boss job per delivery, rows by Prisma, got for the call. Fed by a loop of `fetch` that never rests while there is
 * work: `work()` polls, and 20 jobs every 0.5 s would be 40/s on any machine, which says nothing about the naive way.
 */
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
  async function deliver(requestId: string): Promise<void> {
    const request = await prisma.webhookRequest.findUniqueOrThrow({ where: { id: requestId }, include: { event: true } });
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
  }
  async function work(): Promise<void> {
    while (done < count) {
      const jobs = await boss.fetch<{ requestId: string }>("deliver", { batchSize: 50 });
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
  const figure = await measured([process.pid, world.postgres], count, async () => {
    const worked = work();
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
    await worked;
  });
  await boss.stop({ graceful: false });
  await prisma.$disconnect();
  return figure;
}
