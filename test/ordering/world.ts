/** Two organizations, five definitions each, two workers, an ingest without a worker, one receiver: histories are played in it. */
import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "../../src/clock.ts";
import { type CreateDefinitionInput, createDefinition, deleteDefinition, updateDefinition } from "../../src/definitions/definitions.ts";
import { activateDefinitions, stopDefinitions } from "../../src/definitions/state.ts";
import { cancel, resend, retryNow, skip } from "../../src/delivery/control.ts";
import { pauseLane, resumeLane } from "../../src/delivery/lane-pause.ts";
import { pauseAll, resumeAll } from "../../src/delivery/pause-all.ts";
import { ConflictError, NotFoundError, ValidationError } from "../../src/errors.ts";
import type { EventInput } from "../../src/events/input.ts";
import { createReplay } from "../../src/events/recovery.ts";
import { deleteOld } from "../../src/requests/retention.ts";
import { globalId } from "../../src/wire/ids.ts";
import type { TestCore, TestOrganization } from "../helpers/database.ts";
import { NODE_HEADER } from "../helpers/node.ts";
import type { Receiver } from "../helpers/receiver.ts";
import type { Call, Emitted, Evidence } from "./claims.ts";
import { readLog } from "./log.ts";
import type { Move } from "./moves.ts";
import type { Node } from "./node.ts";
import type { Site } from "./site.ts";

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
  site: Site;
  receiver: Receiver;
  /** Of the receivers' failures. */
  chance: number;
}

let worlds = 0;

export async function createWorld({ t, site, receiver, chance }: WorldParts) {
  const world = ++worlds;
  const calls: Call[] = [];
  const emitted: Emitted[] = [];
  const pending: { emission: Promise<void>; node: Node }[] = [];
  const stopped = new Set<string>();
  const resent = new Set<string>();
  /** Definitions whose rejected requests were sent again. */
  const recovered = new Set<string>();
  const deaths = new Map<string, number>();
  const dead: Node[] = [];
  const places = new Map<string, Place>();
  let started = 0;
  /** What was accepted before may have had a request that retention took: a replay of what was missed leaves it out by the days that are kept, which are none here. */
  let gone = new Date(Date.now() - 3_600_000);
  /** After a restore it is another. */
  let here = site;
  const startNode = (worker: boolean) => here.start(`w${world}n${started++}`, worker);
  const startNodes = () => Promise.all([startNode(true), startNode(true), startNode(false)]);
  const nodes = await startNodes();

  async function place(owner: TestOrganization, name: string, settings: Pick<CreateDefinitionInput, "eventTypes">): Promise<Place> {
    const path = `/w${world}/${owner.id}/${name}`;
    const input = { name, targetUrl: `${receiver.url}${path}`, ...settings };
    const { definition } = await createDefinition(here.core, owner.admin, input, here.checks);
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

  function emit(owner: House, node: Node, inputs: EventInput[]): Promise<void> {
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
    const node = nodes[move.node] as Node;
    const emissions = move.batch ? [emit(owner, node, inputs)] : inputs.map((input) => emit(owner, node, [input]));
    if (move.wait) await Promise.all(emissions);
  }

  async function kill(index: number, how: "NOW" | "AT_BEGIN" | "AFTER_COMMIT"): Promise<void> {
    const victim = nodes[index] as Node;
    // An idle one may never come to that point.
    await Promise.race([victim.kill(how), sleep(150)]);
    await victim.kill();
    deaths.set(victim.name, victim.killedAt as number);
    dead.push(victim);
    nodes[index] = await startNode(true);
  }

  /**
   * What is settled by now is old enough to go; what waits stays. Not beside a replay of what was missed: it would take the events of
   * requests that went for missed ones, which the days that are kept prevent, and here there are none.
   */
  async function retention(): Promise<void> {
    const running = "SELECT FROM replay WHERE organization_id = ANY($1) AND kind = 'MISSED' AND state = 'RUNNING'";
    const ended = async () => (await here.core.db.pool.query(running, [organizationIds])).rowCount === 0;
    await until(ended, 60_000, async () => `a replay of what was missed goes on: ${await report()}`);
    await deleteOld({ ...here.core, config: { ...here.core.config, retentionDays: 0 } });
    gone = new Date();
  }

  /** All of it dies at once, and goes on in another database. */
  async function restore(): Promise<void> {
    for (const { emission, node } of pending) await accepted(emission, node);
    for (const node of nodes) {
      await node.kill();
      deaths.set(node.name, node.killedAt as number);
      dead.push(node);
    }
    const before = here;
    here = await before.restored();
    if (before !== site) await before.close();
    nodes.splice(0, nodes.length, ...(await startNodes()));
  }

  async function hang(owner: House, at: Place): Promise<void> {
    await setAllPaused(owner, false);
    const hung = Promise.withResolvers<void>();
    at.hang = hung;
    try {
      const node = nodes[2] as Node;
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
    const { rows } = await here.core.db.pool.query<{ id: string; organization_id: string }>(
      `SELECT id, organization_id FROM webhook_request WHERE organization_id = ANY($1) AND state::text = ANY($2)
         AND definition_id <> ALL($3) ORDER BY organization_id, number`,
      [organizationIds, wanted, houses.map((h) => h.canary.id)],
    );
    const row = rows[pick % Math.max(rows.length, 1)];
    if (!row) return;
    const { organization_id: owner, id } = row;
    if (kind === "resend") resent.add(id);
    const moves = {
      resend: () => resend(here.core, owner, id, { force: true }),
      skip: () => skip(here.core, owner, id),
      cancel: () => cancel(here.core, owner, id),
      retryNow: () => retryNow(here.core, owner, id),
    };
    await refusable(moves[kind]());
  }

  async function recover(owner: House, { id }: Place, kind: "MISSED" | "REJECTED"): Promise<void> {
    if (kind === "MISSED") await activateDefinitions(here.core, owner.admin, [id]);
    else recovered.add(id);
    const input = { kind, webhookDefinitionId: id, since: gone, filter: {} };
    await refusable(createReplay(here.core, here.jobs, owner.admin, input));
  }

  /** Its queue is cancelled; what is on its way ends as it does. */
  async function replace(owner: House, index: number): Promise<void> {
    const at = owner.places[index] as Place;
    stopped.add(at.id);
    await deleteDefinition(here.core, owner.admin, at.id);
    const settings = DEFINITIONS[index] as (typeof DEFINITIONS)[number];
    const made = await place(owner, `d${index}-${places.size}`, settings);
    // What came before it is not for it.
    stopped.add(made.id);
    owner.places[index] = made;
  }

  async function setPaused(pick: number, paused: boolean): Promise<void> {
    const { rows } = await here.core.db.pool.query<{ id: string; organization_id: string }>(
      "SELECT id, organization_id FROM lane WHERE organization_id = ANY($1) AND definition_id <> ALL($2) ORDER BY id",
      [organizationIds, houses.map((h) => h.canary.id)],
    );
    const lane = rows[pick % Math.max(rows.length, 1)];
    if (lane) await (paused ? pauseLane : resumeLane)(here.core, lane.organization_id, lane.id);
  }

  async function setAllPaused({ id }: House, paused: boolean): Promise<void> {
    await here.core.db.transaction(async (client) => {
      await (paused ? pauseAll : resumeAll)(client, id);
      await client.query(here.core.notify.statement("definition", [id]));
    });
  }

  async function report(): Promise<string> {
    const lanes = await here.core.db.pool.query(
      `SELECT l.*, now() AS now, (SELECT q.due_at::text FROM lane_due q WHERE q.organization_id = l.organization_id AND q.lane_id = l.id) AS due,
         (SELECT d.state FROM webhook_definition d WHERE d.id = l.definition_id) AS definition_state,
         (SELECT row_to_json(c) FROM definition_counter c WHERE c.definition_id = l.definition_id) AS counter, (SELECT json_agg(json_build_object('number', r.lane_number, 'state', r.state, 'due', e.due_at) ORDER BY e.position)
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
        await stopDefinitions(here.core, owner.admin, [at.id]);
      } else if (move.kind === "reorder" && at && owner) {
        await refusable(updateDefinition(here.core, owner.admin, at.id, { ordering: move.ordering }, here.checks));
      } else if (move.kind === "redialect" && at && owner) {
        // By default that one is stopped after nine errors.
        stopped.add(at.id);
        await refusable(updateDefinition(here.core, owner.admin, at.id, { dialect: move.dialect }, here.checks));
      } else if (move.kind === "delete" && owner) await replace(owner, move.definition);
      else if (move.kind === "recover" && at && owner) await recover(owner, at, move.what);
      else if ((move.kind === "pauseAll" || move.kind === "resumeAll") && owner) await setAllPaused(owner, move.kind === "pauseAll");
      else if (move.kind === "retention") await retention();
      else if (move.kind === "restore") await restore();
      else if (move.kind === "activate" && at && owner) await activateDefinitions(here.core, owner.admin, [at.id]);
      else if (move.kind === "wait") await sleep(move.ms);
      else if ("pick" in move) await operate(move.kind as "resend", move.pick);
    },

    /** Everything works again: what is queued must arrive. */
    async settle(): Promise<void> {
      for (const at of places.values()) Object.assign(at, { fail: 0, slowMs: 0 });
      for (const { emission, node } of pending) await accepted(emission, node);
      const { rows } = await here.core.db.pool.query<{ id: string; organization_id: string }>(
        "SELECT id, organization_id FROM lane WHERE organization_id = ANY($1)",
        [organizationIds],
      );
      for (const lane of rows) await resumeLane(here.core, lane.organization_id, lane.id);
      for (const owner of houses) {
        await setAllPaused(owner, false);
        await stopDefinitions(
          here.core,
          owner.admin,
          owner.places.map((at) => at.id),
        );
        await activateDefinitions(
          here.core,
          owner.admin,
          owner.places.map((at) => at.id),
        );
      }
      const ended = async () => {
        const running = await here.core.db.pool.query(
          "SELECT 1 FROM replay WHERE organization_id = ANY($1) AND state = 'RUNNING' LIMIT 1",
          [organizationIds],
        );
        return running.rowCount === 0;
      };
      await until(ended, 20_000, async () => "a replay does not end");
      const empty = async () => {
        const left = await here.core.db.pool.query(
          "SELECT 1 FROM lane_entry e JOIN lane l ON l.id = e.lane_id WHERE l.organization_id = ANY($1) LIMIT 1",
          [organizationIds],
        );
        return left.rowCount === 0;
      };
      await until(empty, 20_000, async () => `the queues do not run empty: ${await report()}`);
    },

    async evidence(): Promise<Evidence> {
      const now = await readLog(here.core, organizationIds);
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
        resent: new Set([...resent, ...now.requests.flatMap((r) => (r.manual && recovered.has(r.definition_id) ? [r.id] : []))]),
        deaths,
      };
    },

    async close(): Promise<void> {
      for (const at of places.values()) at.hang?.resolve();
      for (const node of nodes) await node.stop();
      for (const node of [...nodes, ...dead]) await node.close();
      if (here !== site) await here.close();
    },
  };
}

/** Or never will be: its node is dead. */
async function accepted(emission: Promise<void>, node: Node): Promise<void> {
  while (node.killedAt === undefined && (await Promise.race([emission.then(() => true), sleep(50)])) !== true);
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
