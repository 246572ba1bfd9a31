/** The promises of a lane, judged over what was emitted, what the receiver saw and what the log says. */

export interface Call {
  path: string;
  definitionId: string;
  eventId: string;
  node: string;
  body: string;
  /** As its headers tell. */
  dialect: string;
  /** Monotonic milliseconds. */
  start: number;
  end: number;
  status: number;
}

export interface Emitted {
  organizationId: string;
  ids: string[];
  types: string[];
  accepted: boolean;
}

export interface RequestRow {
  id: string;
  definition_id: string;
  event_id: string;
  dialect: string;
  /** Somebody, or a replay, sent it again. */
  manual: boolean;
  lane_id: string;
  lane_number: number;
  /** Its lane's. */
  free: boolean;
  epoch: number;
  state: string;
  attempt_count: number;
  attempts: number;
  interrupted: number;
}

export interface Evidence {
  calls: readonly Call[];
  emitted: readonly Emitted[];
  requests: readonly RequestRow[];
  /** Events that the log holds. */
  events: ReadonlySet<string>;
  /** `wasStopped`: for a while, or for good. */
  definitions: readonly { id: string; organizationId: string; types: readonly string[]; wasStopped: boolean }[];
  /** Requests that an operator sent again. */
  resent: ReadonlySet<string>;
  /** When nodes were killed. */
  deaths: ReadonlyMap<string, number>;
}

/** @throws Error naming every broken promise */
export function checkClaims(evidence: Evidence): void {
  const broken = [
    ...nothingLost(evidence),
    ...loggedAsReceived(evidence),
    ...numbersInOrder(evidence),
    ...nothingOvertook(evidence),
    ...oneInFlight(evidence),
    ...epochsFollow(evidence),
  ];
  if (broken.length > 0) throw new Error(`${broken.length} broken promises:\n${broken.slice(0, 10).join("\n")}`);
}

const key = (definitionId: string, eventId: string) => `${definitionId} ${eventId}`;

function callsByRequest({ calls }: Evidence): Map<string, Call[]> {
  const map = new Map<string, Call[]>();
  for (const call of calls) {
    const id = key(call.definitionId, call.eventId);
    map.set(id, [...(map.get(id) ?? []), call]);
  }
  return map;
}

const callsOf = (map: ReadonlyMap<string, Call[]>, request: RequestRow) => map.get(key(request.definition_id, request.event_id)) ?? [];

/** Accepted is kept; kept is queued once per definition that wants it; a delivered one was received. */
function nothingLost(evidence: Evidence): string[] {
  const broken: string[] = [];
  const received = callsByRequest(evidence);
  const byEvent = new Map(evidence.requests.map((r) => [key(r.definition_id, r.event_id), r]));
  if (byEvent.size !== evidence.requests.length) broken.push("a definition has two requests for one event");
  for (const { organizationId, ids, types, accepted } of evidence.emitted) {
    const kept = ids.filter((id) => evidence.events.has(id));
    if (accepted && kept.length < ids.length) broken.push(`accepted but not kept: ${ids.length - kept.length} events`);
    if (kept.length > 0 && kept.length < ids.length) broken.push(`half a batch was kept: ${kept.length} of ${ids.length}`);
    for (const definition of evidence.definitions) {
      if (definition.organizationId !== organizationId || definition.wasStopped) continue;
      for (const [i, id] of ids.entries()) {
        const wanted = matches(definition.types, types[i] as string);
        if (wanted && evidence.events.has(id) && !byEvent.has(key(definition.id, id)))
          broken.push(`no request for ${id} of ${definition.id}`);
      }
    }
  }
  for (const request of evidence.requests) {
    const calls = callsOf(received, request);
    if (!["DELIVERED", "REJECTED", "SKIPPED", "CANCELLED"].includes(request.state)) broken.push(`${request.id} is still ${request.state}`);
    if (request.state === "DELIVERED" && !calls.some((c) => c.status === 200))
      broken.push(`${request.id} says DELIVERED, and nobody got it`);
    if (request.state === "REJECTED" && calls.length === 0) broken.push(`${request.id} says REJECTED, and was never tried`);
    if (calls.some((c) => c.dialect !== request.dialect)) broken.push(`${request.id} of ${request.dialect} was sent in another dialect`);
    if (new Set(calls.map((c) => c.body)).size > 1) broken.push(`${request.id} was sent with different bytes`);
  }
  for (const call of evidence.calls) {
    if (!byEvent.has(key(call.definitionId, call.eventId))) broken.push(`unexpected: ${call.path} got ${call.eventId}`);
  }
  return broken;
}

const matches = (types: readonly string[], type: string) => types.includes("*") || types.includes(type);

/** What a kill cut may have been sent or not; everything else is logged exactly. */
function loggedAsReceived(evidence: Evidence): string[] {
  const received = callsByRequest(evidence);
  return evidence.requests.flatMap((request) => {
    const seen = callsOf(received, request).length;
    const { attempts, interrupted, attempt_count: count } = request;
    if (attempts !== count) return [`${request.id} counts ${count} attempts and logs ${attempts}`];
    if (seen > attempts || seen < attempts - interrupted)
      return [`${request.id}: ${seen} calls received, ${attempts} attempts logged, ${interrupted} of them interrupted`];
    return [];
  });
}

/** Lane numbers have no gap, and follow the order of each batch. */
function numbersInOrder(evidence: Evidence): string[] {
  const broken: string[] = [];
  for (const [laneId, requests] of byLane(evidence)) {
    for (const [i, request] of requests.entries()) {
      const expected = (requests[0]?.lane_number ?? 0) + i;
      if (request.lane_number !== expected) broken.push(`lane ${laneId} has number ${request.lane_number} where ${expected} should stand`);
    }
    const place = new Map(requests.map((r, i) => [r.event_id, i]));
    for (const { ids } of evidence.emitted) {
      const places = ids.flatMap((id) => place.get(id) ?? []);
      if (places.some((p, i) => i > 0 && p <= (places[i - 1] as number))) broken.push(`lane ${laneId} turned a batch round`);
    }
  }
  return broken;
}

function byLane({ requests }: Evidence): Map<string, RequestRow[]> {
  const lanes = new Map<string, RequestRow[]>();
  for (const request of requests) lanes.set(request.lane_id, [...(lanes.get(request.lane_id) ?? []), request]);
  return lanes;
}

const strictLanes = (evidence: Evidence): [string, RequestRow[]][] =>
  [...byLane(evidence)].filter(([, requests]) => requests[0]?.free === false);

/** After a change of ordering nothing is sent before everything that was accepted under the former one has come to its end. */
function epochsFollow(evidence: Evidence): string[] {
  const received = callsByRequest(evidence);
  const broken: string[] = [];
  for (const [definitionId, requests] of Map.groupBy(evidence.requests, (r) => r.definition_id)) {
    const line = requests.filter((r) => !evidence.resent.has(r.id)).sort((a, b) => a.epoch - b.epoch);
    let before = { epoch: 0, end: 0 };
    let current = { epoch: line[0]?.epoch ?? 0, end: 0 };
    for (const request of line) {
      if (request.epoch > current.epoch) {
        if (current.end > before.end) before = current;
        current = { epoch: request.epoch, end: 0 };
      }
      const calls = callsOf(received, request);
      const first = calls[0]?.start ?? Number.POSITIVE_INFINITY;
      if (first < before.end) broken.push(`${definitionId}: epoch ${request.epoch} was sent while epoch ${before.epoch} was under way`);
      current.end = Math.max(current.end, calls.find((c) => c.status === 200)?.end ?? Math.max(0, ...calls.map((c) => c.end)));
    }
  }
  return broken;
}

/** Nobody's first call comes before all that stand ahead of it arrived, or were given up for good. */
function nothingOvertook(evidence: Evidence): string[] {
  const received = callsByRequest(evidence);
  const broken: string[] = [];
  for (const [laneId, requests] of strictLanes(evidence)) {
    const line = requests.filter((request) => !evidence.resent.has(request.id));
    /** When the last of those before came to its end. */
    let before = { number: 0, end: 0 };
    for (const request of line) {
      const calls = callsOf(received, request);
      const first = calls[0]?.start ?? Number.POSITIVE_INFINITY;
      if (first < before.end) broken.push(`lane ${laneId}: ${request.lane_number} was sent before ${before.number} had come to its end`);
      const success = calls.find((c) => c.status === 200)?.end;
      const end = success ?? Math.max(0, ...calls.map((c) => c.end));
      if (end > before.end) before = { number: request.lane_number, end };
    }
  }
  return broken;
}

/** Two at once only where a killed process had one of them under way. */
function oneInFlight(evidence: Evidence): string[] {
  const received = callsByRequest(evidence);
  return strictLanes(evidence).flatMap(([laneId, requests]) => {
    const calls = requests.flatMap((request) => callsOf(received, request)).sort((a, b) => a.start - b.start);
    return calls.flatMap((call, i) => {
      const other = calls
        .slice(0, i)
        .find((earlier) => earlier.end > call.start && !((evidence.deaths.get(earlier.node) ?? Infinity) < call.start));
      return other ? [`lane ${laneId}: ${call.node} sent ${call.eventId} while ${other.node} had ${other.eventId} in flight`] : [];
    });
  });
}
