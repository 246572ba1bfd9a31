/** Ours: Standard Webhooks headers around a body in the shape of CloudEvents 1.0. */
import { type Dialect, type EventView, type RenderInput, USUAL } from "../dialect.ts";
import { pick } from "../fields.ts";
import { globalId } from "../ids.ts";
import { judgeByStatus } from "../outcome.ts";
import { extraMembers, rendered } from "../rendered.ts";
import { standardHeaders } from "../signatures/standard.ts";
import { targetOf } from "../target.ts";

const BUILT_IN: ReadonlySet<string> = new Set(["specversion", "id", "source", "type", "subject", "time", "data"]);
const isBuiltIn = (key: string) => BUILT_IN.has(key);

export const standard: Dialect = {
  ...USUAL,
  name: "STANDARD",
  defaults: {
    ordering: "DEFINITION",
    concurrency: 1,
    onExhausted: "SKIP",
    waits: [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400],
    jitter: 0.2,
    requeueWait: 60,
    maxConsecutiveErrors: null,
    timeoutMs: 15_000,
    onGone: "STOPPED",
  },
  signed: true,
  target: targetOf,
  render(input) {
    const body = input.body ?? sharedBody(input);
    // Id and timestamp are there without a key too: receivers tell retries apart by the id.
    const named = standardHeaders(globalId("Event", input.event.id), input.now, body, []);
    return rendered(input, body, named);
  },
  judge: (answer) => judgeByStatus(answer, 200, 299),
};

/** Definitions that add nothing of their own send one buffer per event: 10 definitions cost one rendering. */
const bodies = new WeakMap<EventView, { publicUrl: string; body: Buffer }>();

function sharedBody(input: RenderInput): Buffer {
  const { event, definition, publicUrl } = input;
  if (definition.properties !== null || definition.fieldsSet.length > 0) return envelope(input);
  const known = bodies.get(event);
  if (known?.publicUrl === publicUrl) return known.body;
  const body = envelope(input);
  bodies.set(event, { publicUrl, body });
  return body;
}

/** The payload's own text stands in `data`: parsing and writing it again would change what was sent to us, and cost more. */
function envelope({ event, definition, publicUrl }: RenderInput): Buffer {
  const subject =
    event.entity === null || event.entityId === null ? "" : `"subject":${JSON.stringify(`${event.entity}/${event.entityId}`)},`;
  const extra = extraMembers(definition.properties, isBuiltIn);
  return Buffer.from(
    `{"specversion":"1.0","id":"${globalId("Event", event.id)}","source":${JSON.stringify(publicUrl)},` +
      `"type":${JSON.stringify(event.type)},${subject}"time":"${event.occurredAt.toISOString()}",` +
      `${extra === "" ? "" : `${extra},`}"data":${pick(event.payload, definition.fieldsSet)}}`,
  );
}
