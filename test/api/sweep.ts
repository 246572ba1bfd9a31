/** Sends spite to a running platform, one piece at a time, and says what it cost everybody else and what was wrong with the answer. */
import { performance } from "node:perf_hooks";
import type { Route } from "../../src/api/routing.ts";
import { type Probe, type Said, say, send, type Target, TOKEN } from "./hostile.ts";
import type { Neighbour } from "./neighbour.ts";
import { allMessages, allSpite } from "./spite.ts";

/** /healthz may answer so much later while spite is on its way than at rest. */
export const MOST_EXTRA_MS = 50;
/** And another tenant's event be accepted, and arrive. */
export const MOST_NEIGHBOUR_MS = 200;
/** A machine that does something else looks like a stall; a stall comes back each time. */
const TRIES = 6;

export interface Piece {
  route: string;
  name: string;
  send(target: Target): Promise<Said>;
}

export interface Finding {
  name: string;
  /**
   * How much later /healthz answered than at rest, in milliseconds, at best. Never more than the main thread ran for: on a busy
   * machine an answer is late for other reasons too.
   */
  extra: number;
  /** How much later another tenant's events were accepted, or arrived, than at rest, at best; 0 where nobody looked. */
  neighbour: number;
  tookMs: number;
  wrong: string | undefined;
}

/** Every piece, for somebody without a token and for an administrator. */
export function allPieces(routes: readonly Route[] = []): Piece[] {
  return [undefined, TOKEN].flatMap((token) => {
    const who = token === undefined ? "nobody" : "signed in";
    return [
      ...allSpite(routes).map(({ route, name, make }) => ({
        route,
        name: `${who}, ${name}`,
        send: (target: Target) => send(target.url, make(), token),
      })),
      ...allMessages().map(({ name, make }) => ({
        route: "a WebSocket",
        name: `${who}, ${name}`,
        send: (target: Target) => say(target.url, make(), token),
      })),
    ];
  });
}

/** `count` routes, the ones behind `seed`; of each `each` pieces. Seeds one after another come by all of them. */
export function rotated(pieces: readonly Piece[], seed: number, count: number, each: number): Piece[] {
  const routes = [...new Set(pieces.map(({ route }) => route))];
  const chosen = Array.from({ length: count }, (_, i) => routes[(seed * count + i) % routes.length] as string);
  return chosen.flatMap((route) => {
    const here = pieces.filter((piece) => piece.route === route);
    return Array.from({ length: each }, (_, i) => here[(seed * 7_919 + i * 104_729) % here.length] as Piece);
  });
}

/** What only an interpreter says, and what only a log should hold. */
const OURS_ALONE = [
  ...["is not valid JSON", "in JSON at position", "Unexpected token ", "Cannot read propert", "is not a function", "is not iterable"],
  ...["Maximum call stack", "Invalid regular expression", "undefined (reading", "node:internal", "node_modules", "/src/", "\\n    at "],
];

export function wrongWith({ status, text }: Said): string | undefined {
  if (status === 500 || status === 1011) return `answered ${status}: ${text.slice(0, 200)}`;
  if (text.includes("INTERNAL_SERVER_ERROR")) return text.slice(0, 200);
  const leaked = OURS_ALONE.find((words) => text.includes(words));
  return leaked === undefined ? undefined : `says "${leaked}": ${text.slice(0, 300)}`;
}

/** @param neighbour looked at too, which takes twice the time */
export async function sweep(target: Target, health: Probe, pieces: readonly Piece[], neighbour?: Neighbour): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const piece of pieces) {
    const finding: Finding = { name: piece.name, extra: Number.POSITIVE_INFINITY, neighbour: 0, tookMs: 0, wrong: undefined };
    for (let i = 0; i < TRIES && finding.extra > MOST_EXTRA_MS && finding.wrong === undefined; i++) {
      const { slowest: rest } = await health.during(async () => undefined);
      const [began, ran] = [performance.now(), target.ranMs()];
      try {
        const { value, slowest } = await health.during(() => piece.send(target));
        const worked = (target.ranMs() ?? Number.POSITIVE_INFINITY) - (ran ?? 0);
        finding.extra = Math.min(finding.extra, Math.max(0, slowest - rest), worked);
        finding.wrong = wrongWith(value);
      } catch (error) {
        finding.wrong = (error as Error).message;
      }
      finding.tookMs = performance.now() - began;
    }
    if (neighbour && finding.wrong === undefined) finding.neighbour = await atNeighbours(target, piece, neighbour);
    findings.push(finding);
  }
  return findings;
}

async function atNeighbours(target: Target, piece: Piece, neighbour: Neighbour): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES && best > MOST_NEIGHBOUR_MS; i++) {
    const rest = await neighbour.during(async () => undefined);
    const beside = await neighbour.during(() => piece.send(target));
    best = Math.min(best, Math.max(0, beside.emitMs - rest.emitMs, beside.deliveryMs - rest.deliveryMs));
  }
  return best;
}

/** The slowest, for people. */
export function table(findings: readonly Finding[], most: number): string {
  return [...findings]
    .sort((a, b) => Math.max(b.extra, b.neighbour / 4) - Math.max(a.extra, a.neighbour / 4))
    .slice(0, most)
    .map(({ name, extra, neighbour, tookMs }) => {
      const [health, next, all] = [extra, neighbour, tookMs].map((ms) => ms.toFixed(0).padStart(6));
      return `${health} ms more, ${next} ms for a neighbour, ${all} ms in all  ${name}`;
    })
    .join("\n");
}
