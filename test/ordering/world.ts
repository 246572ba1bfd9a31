/** Two organizations, five definitions each, two workers, an ingest without a worker, one receiver: histories are played in it. */
import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "../../src/clock.ts";
import {
  type CreateDefinitionInput,
  createDefinition,
  deleteDefinition,
  type SourceChecks,
  updateDefinition,
} from "../../src/definitions/definitions.ts";
import { activateDefinitions, stopDefinitions } from "../../src/definitions/state.ts";
import { cancel, resend, retryNow, skip } from "../../src/delivery/control.ts";
import { pauseLane, resumeLane } from "../../src/delivery/lane-pause.ts";
import { pauseAll, resumeAll } from "../../src/delivery/pause-all.ts";
import { ConflictError, NotFoundError, ValidationError } from "../../src/errors.ts";
import type { EventInput } from "../../src/events/input.ts";
import { createReplay } from "../../src/events/recovery.ts";
import type { Jobs } from "../../src/requests/replay.ts";
import { globalId } from "../../src/wire/ids.ts";
import type { TestCore, TestOrganization } from "../helpers/database.ts";
import { NODE_HEADER, type TestNode } from "../helpers/node.ts";
import type { Receiver } from "../helpers/receiver.ts";
import type { Call, Emitted, Evidence, RequestRow } from "./claims.ts";
import type { Move } from "./moves.ts";

interface Place {
  id: string;
  organizationId: string;
  types: readonly string[];
  path: string;
  fail: number;
  slowMs: number;
  hang: PromiseWithResolvers<void> | undefined;
}

interface House extends TestOrganization {
  places: Place[];
  canary: Place;
}

const ENDLESS = Array.from({ length: 20 }, () => 0.01);
/** Strict with an end, strict by key that blocks, strict without an end, free. */
const DEFINITIONS = [
  { ordering: "DEFINITION", onExhausted: "SKIP", retrySchedule: [0.01], eventTypes: ["*"] },
  { ordering: "KEY", onExhausted: "BLOCK", retrySchedule: [0.01, 0.02], eventTypes: ["*"] },
  { ordering: "DEFINITION", onExhausted: "SKIP", retrySchedule: ENDLESS, eventTypes: ["a"] },
  { ordering: "NONE", onExhausted: "SKIP", retrySchedule: [0.01, 0.02], eventTypes: ["*"], concurrency: 4 },
] as const;

export interface WorldParts {
  t: TestCore;
  receiver: Receiver;
  checks: SourceChecks;
  /** Somebody works replays. */
  jobs: Jobs;
  /** Of the receivers' failures. */
  chance: number;
  start(name: string, worker: boolean): TestNode;
}

let worlds = 0;

export async function createWorld({ t, receiver, checks, jobs, chance, start }: WorldParts) {
  const world = ++worlds;
  const calls: Call[] = [];
  const emitted: Emitted[] = [];
  const pending: { emission: Promise<void>; node: TestNode }[] = [];
  const stopped = new Set<string>();
  const resent = new Set<string>();
  const deaths = new Map<string, number>();
  const dead: TestNode[] = [];
  const places = new Map<string, Place>();
  let started = 0;
  const startNode = (worker: boolean) => start(`w${world}n${started++}`, worker);
  const nodes = [startNode(true), startNode(true), startNode(false)];

  async function place(owner: TestOrganization, name: string, settings: Pick<CreateDefinitionInput, "eventTypes">): Promise<Place> {
    const path = `/w${world}/${owner.id}/${name}`;
    const input = { name, targetUrl: `${receiver.url}${path}`, ...settings };
    const { definition } = await createDefinition(t.core, owner.admin, input, checks);
    const of = { organizationId: owner.id, types: settings.eventTypes };
    const made: Place = { id: definition.id, ...of, path, fail: 0, slowMs: 0, hang: undefined };
    places.set(path, made);
    return made;
  }

  async function house(): Promise<House> {
    const owner = await t.organization();
    const made: Place[] = [];
    for (const [i, settings] of DEFINITIONS.entries()) made.push(await place(owner, `d${i}`, settings));
    return { ...owner, places: made, canary: await place(owner, "canary", { eventTypes: ["canary"] }) };
  }
  const houses = [await house(), await house()];
  const organizationIds = houses.map((h) => h.id);

  receiver.respond(async (received) => {
    const at = places.get(received.path);
    if (!at) return 200;
    const eventId = String(received.headers["webhook-id"]);
    const nth = calls.filter((c) => c.path === at.path && c.eventId === eventId).length;
    const call: Call = {
      path: at.path,
      definitionId: at.id,
      eventId,
      node: String(received.headers[NODE_HEADER]),
      body: received.body.toString(),
      dialect: received.body.toString().startsWith('{"number":') ? "CRMCOM" : "STANDARD",
      start: performance.now(),
      end: Number.POSITIVE_INFINITY,
      status: dice(`${chance} ${at.path.slice(-2)} ${emitted.findIndex((e) => e.ids.includes(eventId))} ${nth}`) < at.fail ? 500 : 200,
    };
    calls.push(call);
    // A caller whose lease ended hangs up: that is the end of this call, and no answer.
    void received.closed.then(() => {
      if (call.end !== Number.POSITIVE_INFINITY) return;
      call.end = performance.now();
      call.status = 0;
    });
    const { status } = call;
    await at.hang?.promise;
    if (at.slowMs > 0) await sleep(at.slowMs);
    call.end = Math.min(call.end, performance.now());
    return status;
  });

  function emit(owner: House, node: TestNode, inputs: EventInput[]): Promise<void> {
    const record: Emitted = {
      organizationId: owner.id,
      ids: inputs.map((input) => globalId("Event", input.id as string)),
      types: inputs.map((input) => input.type),
      accepted: false,
    };
    emitted.push(record);
    const emission = node.ingest.emit(owner.id, inputs).then(() => {
      record.accepted = true;
    });
    pending.push({ emission, node });
    return emission;
  }

  async function emitMove(move: Extract<Move, { kind: "emit" }>): Promise<void> {
    const owner = houses[move.organization] as House;
    const inputs = Array.from({ length: move.count }, (_, i) => ({
      id: newId(),
      type: move.type,
      entity: "thing",
      entityId: String(move.entity),
      payload: `{"i":${i}}`,
    }));
    const node = nodes[move.node] as TestNode;
    const emissions = move.batch ? [emit(owner, node, inputs)] : inputs.map((input) => emit(owner, node, [input]));
    if (move.wait) await Promise.all(emissions);
  }

  async function kill(index: number, how: "NOW" | "AT_BEGIN" | "AFTER_COMMIT"): Promise<void> {
    const victim = nodes[index] as TestNode;
    // An idle one may never come to that point.
    await Promise.race([victim.kill(how), sleep(150)]);
    await victim.kill();
    deaths.set(victim.name, victim.killedAt as number);
    dead.push(victim);
    nodes[index] = startNode(true);
  }

  async function hang(owner: House, at: Place): Promise<void> {
    const hung = Promise.withResolvers<void>();
    at.hang = hung;
    try {
      const node = nodes[2] as TestNode;
      await emit(owner, node, [{ id: newId(), type: "a", entity: "thing", entityId: "0", payload: "{}" }]);
      const canary = newId();
      await emit(owner, node, [{ id: canary, type: "canary", payload: "{}" }]);
      const seen = () => calls.some((c) => c.path === owner.canary.path && c.eventId === globalId("Event", canary));
      await until(seen, 5_000, async () => `a canary waited for ${at.path}: ${await report()}`);
    } finally {
      at.hang = undefined;
      hung.resolve();
    }
  }

  async function operate(kind: "resend" | "skip" | "cancel" | "retryNow", pick: number): Promise<void> {
    const wanted = { resend: ["REJECTED", "SKIPPED", "CANCELLED", "DELIVERED"], cancel: ["PENDING", "WAITING"] }[kind as string] ?? [
      "WAITING",
      "REJECTED",
    ];
    const { rows } = await t.core.db.pool.query<{ id: string; organization_id: string }>(
      `SELECT id, organization_id FROM webhook_request WHERE organization_id = ANY($1) AND state::text = ANY($2)
         AND definition_id <> ALL($3) ORDER BY organization_id, number`,
      [organizationIds, wanted, houses.map((h) => h.canary.id)],
    );
    const row = rows[pick % Math.max(rows.length, 1)];
    if (!row) return;
    const { organization_id: owner, id } = row;
    if (kind === "resend") resent.add(id);
    const moves = {
      resend: () => resend(t.core, owner, id, { force: true }),
      skip: () => skip(t.core, owner, id),
      cancel: () => cancel(t.core, owner, id),
      retryNow: () => retryNow(t.core, owner, id),
    };
    await refusable(moves[kind]());
  }

  async function recover(owner: House, { id }: Place, kind: "MISSED" | "REJECTED"): Promise<void> {
    if (kind === "MISSED") await activateDefinitions(t.core, owner.admin, [id]);
    const input = { kind, webhookDefinitionId: id, since: new Date(Date.now() - 3_600_000), filter: {} };
    await refusable(createReplay(t.core, jobs, owner.admin, input));
  }

  /** Its queue is cancelled; what is on its way ends as it does. */
  async function replace(owner: House, index: number): Promise<void> {
    const at = owner.places[index] as Place;
    stopped.add(at.id);
    await deleteDefinition(t.core, owner.admin, at.id);
    const settings = DEFINITIONS[index] as (typeof DEFINITIONS)[number];
    const made = await place(owner, `d${index}-${places.size}`, settings);
    // What came before it is not for it.
    stopped.add(made.id);
    owner.places[index] = made;
  }

  async function logged(): Promise<{ requests: RequestRow[]; events: string[] }> {
    const requests = await t.core.db.pool.query<RequestRow>(
      `SELECT r.id, r.definition_id, r.event_id, r.dialect, r.lane_id, r.lane_number, r.state, r.attempt_count,
         EXISTS (SELECT FROM attempt a WHERE a.request_id = r.id AND a.manual) AS manual, COALESCE(l.free, true) AS free, COALESCE(l.epoch, 0) AS epoch,
         (SELECT count(*)::int FROM attempt a WHERE a.request_id = r.id) AS attempts,
         (SELECT count(*)::int FROM attempt a WHERE a.request_id = r.id AND a.outcome = 'INTERRUPTED') AS interrupted
       -- A deleted definition's lane is gone before its requests are.
       FROM webhook_request r LEFT JOIN lane l ON l.organization_id = r.organization_id AND l.id = r.lane_id
       WHERE r.organization_id = ANY($1)`,
      [organizationIds],
    );
    const events = await t.core.db.pool.query<{ id: string }>("SELECT id FROM event WHERE organization_id = ANY($1)", [organizationIds]);
    return {
      requests: requests.rows.map((row) => ({ ...row, event_id: globalId("Event", row.event_id) })),
      events: events.rows.map((row) => globalId("Event", row.id)),
    };
  }

  async function setPaused(pick: number, paused: boolean): Promise<void> {
    const { rows } = await t.core.db.pool.query<{ id: string; organization_id: string }>(
      "SELECT id, organization_id FROM lane WHERE organization_id = ANY($1) AND definition_id <> ALL($2) ORDER BY id",
      [organizationIds, houses.map((h) => h.canary.id)],
    );
    const lane = rows[pick % Math.max(rows.length, 1)];
    if (lane) await (paused ? pauseLane : resumeLane)(t.core, lane.organization_id, lane.id);
  }

  async function report(): Promise<string> {
    const lanes = await t.core.db.pool.query(
      `SELECT l.*, now() AS now, (SELECT json_agg(json_build_object('number', r.lane_number, 'state', r.state, 'due', e.due_at) ORDER BY e.position)
         FROM lane_entry e JOIN webhook_request r ON r.id = e.request_id WHERE e.lane_id = l.id) AS queue
       FROM lane l WHERE l.organization_id = ANY($1)`,
      [organizationIds],
    );
    const busy = lanes.rows.filter((lane) => lane.queue !== null);
    return `${JSON.stringify(busy, null, 1)} ${JSON.stringify(nodes.map((node) => node.worker?.stats))}`;
  }

  return {
    async play(move: Move): Promise<void> {
      const at = "definition" in move ? (houses[move.organization]?.places[move.definition] as Place) : undefined;
      const owner = "organization" in move ? (houses[move.organization] as House) : undefined;
      if (move.kind === "emit") await emitMove(move);
      else if (move.kind === "mood" && at) Object.assign(at, { fail: move.fail, slowMs: move.slowMs });
      else if (move.kind === "kill") await kill(move.node, move.how);
      else if (move.kind === "hang" && at && owner) await hang(owner, at);
      else if (move.kind === "pause" || move.kind === "resume") await setPaused(move.pick, move.kind === "pause");
      else if (move.kind === "stop" && at && owner) {
        stopped.add(at.id);
        await stopDefinitions(t.core, owner.admin, [at.id]);
      } else if (move.kind === "reorder" && at && owner) {
        await refusable(updateDefinition(t.core, owner.admin, at.id, { ordering: move.ordering }, checks));
      } else if (move.kind === "redialect" && at && owner) {
        // By default that one is stopped after nine errors.
        stopped.add(at.id);
        await refusable(updateDefinition(t.core, owner.admin, at.id, { dialect: move.dialect }, checks));
      } else if (move.kind === "delete" && owner) await replace(owner, move.definition);
      else if (move.kind === "recover" && at && owner) await recover(owner, at, move.what);
      else if ((move.kind === "pauseAll" || move.kind === "resumeAll") && owner)
        await t.core.db.transaction((client) => (move.kind === "pauseAll" ? pauseAll : resumeAll)(client, owner.id));
      else if (move.kind === "activate" && at && owner) await activateDefinitions(t.core, owner.admin, [at.id]);
      else if (move.kind === "wait") await sleep(move.ms);
      else if ("pick" in move) await operate(move.kind as "resend", move.pick);
    },

    /** Everything works again: what is queued must arrive. */
    async settle(): Promise<void> {
      for (const at of places.values()) Object.assign(at, { fail: 0, slowMs: 0 });
      for (const { emission, node } of pending) {
        while (node.killedAt === undefined && (await Promise.race([emission.then(() => true), sleep(50)])) !== true);
      }
      const { rows } = await t.core.db.pool.query<{ id: string; organization_id: string }>(
        "SELECT id, organization_id FROM lane WHERE organization_id = ANY($1)",
        [organizationIds],
      );
      for (const lane of rows) await resumeLane(t.core, lane.organization_id, lane.id);
      for (const owner of houses) {
        await t.core.db.transaction((client) => resumeAll(client, owner.id));
        await stopDefinitions(
          t.core,
          owner.admin,
          owner.places.map((at) => at.id),
        );
        await activateDefinitions(
          t.core,
          owner.admin,
          owner.places.map((at) => at.id),
        );
      }
      const recovered = async () => {
        const running = await t.core.db.pool.query("SELECT 1 FROM replay WHERE organization_id = ANY($1) AND state = 'RUNNING' LIMIT 1", [
          organizationIds,
        ]);
        return running.rowCount === 0;
      };
      await until(recovered, 20_000, async () => "a replay does not end");
      const empty = async () => {
        const left = await t.core.db.pool.query(
          "SELECT 1 FROM lane_entry e JOIN lane l ON l.id = e.lane_id WHERE l.organization_id = ANY($1) LIMIT 1",
          [organizationIds],
        );
        return left.rowCount === 0;
      };
      await until(empty, 20_000, async () => `the queues do not run empty: ${await report()}`);
    },

    async evidence(): Promise<Evidence> {
      const now = await logged();
      return {
        calls,
        emitted,
        requests: now.requests.sort((x, y) => (x.lane_id === y.lane_id ? x.lane_number - y.lane_number : x.lane_id < y.lane_id ? -1 : 1)),
        events: new Set(now.events),
        definitions: [...places.values()].map(({ id, organizationId, types }) => ({
          ...{ id, organizationId, types },
          wasStopped: stopped.has(id),
        })),
        // A replay sends by hand, too.
        resent: new Set([...resent, ...now.requests.flatMap(({ id, manual }) => (manual ? [id] : []))]),
        deaths,
      };
    },

    async close(): Promise<void> {
      for (const at of places.values()) at.hang?.resolve();
      for (const node of nodes) await node.stop();
      for (const node of [...nodes, ...dead]) await node.close();
    },
  };
}

async function refusable(move: Promise<unknown>): Promise<void> {
  await move.catch((error: unknown) => {
    if (!(error instanceof ConflictError || error instanceof NotFoundError || error instanceof ValidationError)) throw error;
  });
}

async function until(met: () => boolean | Promise<boolean>, timeoutMs: number, evidence: () => Promise<string>): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; !(await met()); await sleep(15)) {
    if (performance.now() > deadline) throw new Error(await evidence());
  }
}

/** 0 to 99, the same for the same text. */
function dice(text: string): number {
  let hash = 2_166_136_261;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619);
  return (hash >>> 8) % 100;
}
