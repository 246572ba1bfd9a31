/** Cotalker: a COTEvent per change, in strict order. An edit carries the state before it, and what differs now. */
import { type Dialect, type EventView, TEST_EVENT_TYPE, USUAL } from "../dialect.ts";
import { objectId } from "../ids.ts";
import { differences } from "../json-diff.ts";
import { judgeByStatus } from "../outcome.ts";
import { rendered } from "../rendered.ts";
import { targetOf } from "../target.ts";

interface Kind {
  /** COTEvent.type. */
  type: string;
  /** COTEvent.event. */
  event: "create" | "edit" | "delete" | "logout" | "test";
}

const NOUNS = { user: "COTUser", task: "COTTask", survey: "COTSurvey", property: "COTProperty", note: "COTNote" };
const VERBS = { created: "create", updated: "edit", deleted: "delete" } as const;

/** Nothing else fires. */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...Object.entries(NOUNS).flatMap(([noun, type]) =>
    Object.entries(VERBS).map(([verb, event]): [string, Kind] => [`${noun}.${verb}`, { type, event }]),
  ),
  ["user.logged_out", { type: "Auth", event: "logout" }],
  [TEST_EVENT_TYPE, { type: "Test", event: "test" }],
]);

export const cotalker: Dialect = {
  ...USUAL,
  name: "COTALKER",
  defaults: {
    ordering: "DEFINITION",
    concurrency: 1,
    onExhausted: "SKIP",
    waits: [30, 30],
    jitter: 0,
    requeueWait: 60,
    maxConsecutiveErrors: null,
    timeoutMs: 15_000,
    onGone: null,
  },
  target: (event, definition) => (KINDS.has(event.type) ? targetOf(event, definition) : null),
  render: (input) => rendered(input, input.body ?? Buffer.from(cotEvent(input.event))),
  judge: (answer) => judgeByStatus(answer, 200, 209),
};

function cotEvent(event: EventView): string {
  // A body is only rendered for types that have a target; another one would be a fault of ours.
  const kind = KINDS.get(event.type);
  if (!kind) throw new TypeError(`a cotalker definition sends nothing for ${event.type}`);
  const head = (extraData: string) =>
    `{"company":"${objectId(event.organizationId)}","type":"${kind.type}","extraData":${extraData},` +
    `"createdAt":"${event.occurredAt.toISOString()}"`;
  if (kind.event === "logout") {
    const extraData = JSON.stringify({ userId: event.entityId, timestamp: event.occurredAt.getTime() });
    return `${head(extraData)},"data":null,"event":"logout"}`;
  }
  if (kind.event === "edit") {
    const data = event.previous ?? event.payload;
    return `${head("null")},"data":${data},"event":"edit","diff":${diff(event)}}`;
  }
  return `${head("null")},"data":${event.payload},"event":"${kind.event}"}`;
}

function diff({ previous, payload }: EventView): string {
  if (previous === null) return "{}";
  const members = differences(previous, payload).map(
    (found) => `${JSON.stringify(found.pointer)}:{"previous":${found.previous},"changedTo":${found.next}}`,
  );
  return `{${members.join(",")}}`;
}
