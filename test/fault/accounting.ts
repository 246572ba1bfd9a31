/** Jepsen's accounting, and pass rule P of every row, as one function over what three logs say. */
import type { Sent } from "./producer.ts";
import type { Seen } from "./recorder.ts";

/** A request as the log has it. */
export interface Logged {
  /** UUID of the request. */
  id: string;
  path: string;
  n: number;
  laneId: string;
  laneNumber: number;
  state: string;
  attempts: number;
  interrupted: number;
  manual: boolean;
}

export interface Evidence {
  sent: readonly Sent[];
  seen: readonly Seen[];
  logged: readonly Logged[];
  /** Event types and the path of the definition that wants them. */
  definitions: readonly { path: string; type: string; strict: boolean; recorded: boolean }[];
  /** Monotonic milliseconds at which a process was killed or frozen, or Postgres went. */
  faults: readonly number[];
  exits: readonly string[];
  /** Requests of these paths may end REJECTED, SKIPPED or CANCELLED. */
  mayFail: ReadonlySet<string>;
  /** Sends of one lane that may be repeated per fault. */
  window: number;
}

export interface Account {
  lost: number;
  unexpected: number;
  duplicated: number;
  recovered: number;
  /** Broken parts of rule P; empty: passed. */
  broken: string[];
}

const id = ({ path, n }: { path: string; n: number }) => `${path} ${n}`;

function groups<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const map = new Map<string, T[]>();
  for (const item of items) {
    const group = map.get(key(item));
    if (group) group.push(item);
    else map.set(key(item), [item]);
  }
  return map;
}

export function account(evidence: Evidence): Account {
  const { definitions, sent, seen, logged, exits } = evidence;
  const successes = groups(
    seen.filter((call) => call.status !== undefined && call.status < 300),
    id,
  );
  const byId = new Map(logged.map((request) => [id(request), request]));
  const broken: string[] = [...exits];
  let lost = 0;
  let recovered = 0;
  const known = new Set<string>();
  for (const event of sent) {
    for (const { path } of definitions.filter((definition) => definition.type === event.type)) {
      const at = id({ path, n: event.n });
      known.add(at);
      const arrived = successes.has(at);
      if (event.outcome === "accepted" && !arrived && !evidence.mayFail.has(path)) lost += 1;
      if (event.outcome === "accepted" && !byId.has(at)) broken.push(`${at} was accepted, and there is no request`);
      if (event.outcome === "refused" && arrived) broken.push(`${at} was refused, and delivered`);
      if (event.outcome === "unknown" && arrived) recovered += 1;
    }
  }
  const unexpected = seen.filter((call) => call.n >= 0 && definitions.some((d) => d.path === call.path) && !known.has(id(call))).length;
  const repeats = [...successes.values()].filter((calls) => calls.length > 1);
  const manual = new Set(logged.filter((request) => request.manual).map(id));
  const duplicated = repeats.filter((calls) => !manual.has(id(calls[0] as Seen)));
  if (lost > 0) broken.push(`lost ${lost}`);
  if (unexpected > 0) broken.push(`unexpected ${unexpected}`);
  broken.push(
    ...sameBytes(seen),
    ...onlyAtFaults(evidence, duplicated, byId),
    ...inOrder(evidence, successes),
    ...oneInFlight(evidence, byId),
  );
  broken.push(...attemptsLogged(evidence, byId));
  return { lost, unexpected, duplicated: duplicated.length, recovered, broken };
}

function sameBytes(seen: readonly Seen[]): string[] {
  return [...groups(seen, id)].flatMap(([at, calls]) =>
    new Set(calls.map((call) => `${call.id} ${call.bodyHash}`)).size > 1 ? [`${at} came with different ids or bytes`] : [],
  );
}

/** Only what was not settled when a fault struck may come twice: at most the window of its lane, per fault. */
function onlyAtFaults({ faults, window }: Evidence, repeats: readonly Seen[][], byId: ReadonlyMap<string, Logged>): string[] {
  const broken: string[] = [];
  const perFault = new Map<string, number>();
  for (const calls of repeats) {
    const [first, ...later] = calls as [Seen, ...Seen[]];
    for (const [i, call] of later.entries()) {
      const earlier = i === 0 ? first : (later[i - 1] as Seen);
      const fault = faults.findLast((at) => at <= call.start);
      if (fault === undefined || earlier.end > call.start) {
        broken.push(`${id(call)} came twice, ${Math.round(call.start - earlier.end)} ms apart, without a fault in between`);
        continue;
      }
      const at = `${byId.get(id(call))?.laneId} at ${Math.round(fault)}`;
      perFault.set(at, (perFault.get(at) ?? 0) + 1);
    }
  }
  for (const [at, count] of perFault) if (count > window) broken.push(`${count} repeats on lane ${at}; at most ${window} may be unsettled`);
  return broken;
}

function inOrder({ logged, definitions }: Evidence, successes: ReadonlyMap<string, Seen[]>): string[] {
  const strict = new Set(definitions.filter((definition) => definition.strict).map(({ path }) => path));
  const lanes = groups(
    logged.filter((request) => strict.has(request.path) && !request.manual),
    (request) => request.laneId,
  );
  return [...lanes.values()].flatMap((requests) => {
    const arrived = requests
      .flatMap((request) => {
        const first = successes.get(id(request))?.[0];
        return first ? [{ at: first.start, number: request.laneNumber, path: request.path }] : [];
      })
      .sort((a, b) => a.at - b.at);
    const turned = arrived.find((request, i) => i > 0 && request.number < (arrived[i - 1]?.number as number));
    return turned ? [`${turned.path}: number ${turned.number} arrived after a later one`] : [];
  });
}

function oneInFlight({ seen, definitions }: Evidence, byId: ReadonlyMap<string, Logged>): string[] {
  const strict = new Set(definitions.filter((definition) => definition.strict).map(({ path }) => path));
  const lanes = groups(
    seen.filter((call) => strict.has(call.path) && byId.has(id(call))),
    (call) => byId.get(id(call))?.laneId ?? "",
  );
  return [...lanes.values()].flatMap((calls) => {
    const sorted = [...calls].sort((a, b) => a.start - b.start);
    let open: Seen | undefined;
    for (const call of sorted) {
      if (open && open.end > call.start + 1) return [`${id(call)} and ${id(open)} were in flight together on one lane`];
      if (!open || call.end > open.end) open = call;
    }
    return [];
  });
}

/** Those cut by a kill show as INTERRUPTED, and may have been sent or not. */
function attemptsLogged({ seen, definitions }: Evidence, byId: ReadonlyMap<string, Logged>): string[] {
  const calls = groups(seen, id);
  const paths = new Set(definitions.filter(({ recorded }) => recorded).map(({ path }) => path));
  return [...byId].flatMap(([at, request]) => {
    const count = calls.get(at)?.length ?? 0;
    const { attempts, interrupted } = request;
    if (!paths.has(request.path) || (count <= attempts && count >= attempts - interrupted)) return [];
    return [`${at}: ${count} calls, ${attempts} attempts logged, ${interrupted} of them interrupted`];
  });
}

/** The p-th percentile, 0 to 100. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? Number.NaN;
}
