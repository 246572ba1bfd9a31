/**
 * A post to an inbound webhook that makes events: who may post and how often, whether it is genuine, and the event. Judged twice:
 * before the body is read, and again after it, because a slow body leaves time for a rotation, a switch or a deletion.
 */
import { createHash } from "node:crypto";
import { networkOf } from "../accounts/password-door.ts";
import { createRateLimiter, type Rate } from "../accounts/rate-limit.ts";
import type { Core } from "../core.ts";
import type { Sandbox } from "../delivery/sandbox/sandbox.ts";
import { ValidationError } from "../errors.ts";
import { NAMED } from "../events/idempotency.ts";
import type { Ingest } from "../events/ingest.ts";
import type { AcceptedEvent } from "../events/input.ts";
import { hashToken } from "../vault.ts";
import { globalId, idOf } from "../wire/ids.ts";
import { stringSource, valueAt } from "../wire/json-text.ts";
import { traceOfHeaders } from "../wire/trace-context.ts";
import { eventOfPost, type ReadPost } from "./event-of-post.ts";
import { type SourceSettings, secretPlace } from "./source.ts";
import { headerOf, textAt } from "./templates.ts";
import { type PostHeaders, refusalOf, type Signed, signedId } from "./verification.ts";

/** Of one statement before the body is read. */
const LOOKUP_MS = 10_000;
/** Characters of Slack's challenge. */
const LONGEST_CHALLENGE = 1_000;

export interface Address {
  /** As it stands in the URL. */
  id: string;
  key: string;
  /** The client's, behind trusted proxies. */
  address: string;
}

export interface Source extends SourceSettings {
  id: string;
  organizationId: string;
  secretCiphertext: string | null;
}

export type Admission =
  | { admitted: true; source: Source; rate: Rate }
  | { admitted: false; refusal: 403 | 404 | 429; rate: Rate; source?: Source };

/** What became of an admitted post. `reason` is for the owner. */
export type Received =
  | { outcome: "ACCEPTED" | "DUPLICATE"; eventId: string }
  | { outcome: "SKIPPED" }
  | { outcome: "CHALLENGE"; challenge: string }
  | { outcome: "REFUSED"; status: 400 | 401 | 403 | 404 | 422; code: string; reason: string };

export interface Sources {
  /** Refuses from memory an address that is known to be over its limit; needs no database. */
  remembered(address: string): Rate | undefined;
  admit(post: Address): Promise<Admission>;
  /**
   * @param read the body as JSON text; called once the post is known to be genuine, and what it throws is thrown
   * @throws UnavailableError RateLimitedError: nothing was accepted
   */
  receive(post: Address, source: Source, signed: Signed, read: () => Promise<string>): Promise<Received>;
}

const LOOKUP = `
  SELECT w.id, w.organization_id AS "organizationId", w.enabled, o.features @> ARRAY['INBOUND_WEBHOOKS']::feature[] AS "featureOn",
    w.secret_ciphertext AS "secretCiphertext", w.event_type AS "eventType", w.verification, w.signature_header AS "signatureHeader",
    w.signature_encoding AS "signatureEncoding", w.transformation, w.dedupe_header AS "dedupeHeader", w.dedupe_path AS "dedupePath"
  FROM inbound_webhook w JOIN organization o ON o.id = w.organization_id
  WHERE w.key_hash = $2 AND w.id = $1::uuid AND w.target_type = 'EVENT'`;

type Found = Source & { enabled: boolean; featureOn: boolean };

async function lookUp(core: Core, post: Address): Promise<Found | undefined> {
  const id = idOf("InboundWebhook", post.id);
  if (id === undefined) return undefined;
  // `query_timeout` is pg's own, missing in its types.
  const query = { text: LOOKUP, values: [id, Buffer.from(hashToken(post.key))], query_timeout: LOOKUP_MS };
  return (await core.db.pool.query<Found>(query as { text: string; values: unknown[] })).rows[0];
}

/** Of one webhook, for its transformation: more would wait for longer than their senders do, and take the room of deliveries. */
const POSTS_WAITING = 50;

const refused = (status: 400 | 401 | 403 | 404 | 422, code: string, reason: string) =>
  ({ outcome: "REFUSED", status, code, reason }) as const;
const answerOf = (id: string | null) => JSON.stringify({ id: id === null ? null : globalId("Event", id) });

/** What makes a post the same as an earlier one; undefined: it names nothing. */
function keyOf({ verification, dedupeHeader, dedupePath }: SourceSettings, { headers, payload }: ReadPost): string | undefined {
  // A captured post, its headers renamed, has the id that was signed under another name.
  const named = (header: string) => signedId(verification, headers, header) ?? headerOf(headers, header);
  const value = dedupeHeader ? named(dedupeHeader) : dedupePath ? textAt(payload, dedupePath) : undefined;
  return value === undefined || value === "" ? undefined : createHash("sha256").update(value).digest("base64url");
}

/** Slack asks once, when the URL is entered. */
function challengeIn({ verification }: SourceSettings, payload: string): string | undefined {
  if (verification !== "SLACK" || !payload.startsWith("{")) return undefined;
  const text = (name: string) => stringSource(valueAt(payload, [name]) ?? "");
  const challenge = text("type") === "url_verification" ? text("challenge") : undefined;
  return challenge !== undefined && challenge.length <= LONGEST_CHALLENGE ? challenge : undefined;
}

/** Ingest counts the events of a call; here there is one. What was posted is not said: the type may be a part of it. */
const inOne = ({ issues }: ValidationError): string =>
  issues
    .map(({ path, message }) => {
      const at = path.replace(/^events\.0\.?/, "");
      if (at === "type")
        return "the event type that the post comes to is not in the catalogue of event types, which this organization enforces";
      return at === "" ? message : `${at}: ${message}`;
    })
    .join("; ");

export function createSources(core: Core, ingest: Pick<Ingest, "emit">, sandbox: Pick<Sandbox, "shapeEvent">): Sources {
  const sources = createRateLimiter(core, "inbound", core.config.inboundEventLimit);
  // The same bucket as of wrong keys for goals: one guesser is one guesser.
  const addresses = createRateLimiter(core, "address", core.config.inboundAddressLimit);

  const genuine = ({ organizationId, id, ...source }: Source, signed: Signed): string | undefined => {
    const secret = source.secretCiphertext === null ? null : core.vault.open(source.secretCiphertext, secretPlace(organizationId, id));
    const verification = { preset: source.verification, secret, header: source.signatureHeader, encoding: source.signatureEncoding };
    return refusalOf(verification, signed, core.clock.now());
  };

  async function accept(source: Source, post: ReadPost): Promise<Received> {
    const { id, organizationId } = source;
    const made = await eventOfPost(source, post, sandbox, { organizationId, key: id, most: POSTS_WAITING, now: core.clock.now() });
    if (made.kind === "SKIP") return { outcome: "SKIPPED" };
    if (made.kind === "REFUSED") return refused(made.status, made.code, made.reason);
    const key = keyOf(source, post);
    const answer = (events: AcceptedEvent[]) => ({ status: 202, answer: answerOf(events[0]?.id ?? null) });
    const idempotency = key === undefined ? {} : { idempotency: { space: `inbound/${id}`, key, bodyHash: NAMED } };
    const result = await ingest
      .emit(organizationId, [made.event], { ...idempotency, answer, trace: traceOfHeaders(post.headers) })
      .catch((error: unknown) => {
        if (error instanceof ValidationError) return error;
        throw error;
      });
    if (result instanceof ValidationError) return refused(400, "VALIDATION_FAILED", inOne(result));
    const event = result.events[0];
    if (event) return { outcome: "ACCEPTED", eventId: event.id };
    const first = idOf("Event", stringSource(valueAt(result.replayed?.answer ?? "{}", ["id"]) ?? "") ?? "");
    return first === undefined ? { outcome: "SKIPPED" } : { outcome: "DUPLICATE", eventId: first };
  }

  return {
    remembered: (address) => addresses.remembered(networkOf(address)),
    async admit(post) {
      const network = networkOf(post.address);
      const limited = await addresses.peek(network, LOOKUP_MS);
      if (limited.exceeded) return { admitted: false, refusal: 429, rate: limited };
      const found = await lookUp(core, post);
      if (!found) {
        const rate = await addresses.hit(network, LOOKUP_MS);
        return { admitted: false, refusal: rate.exceeded ? 429 : 404, rate };
      }
      const { enabled, featureOn, ...source } = found;
      const rate = await sources.hit(source.id, LOOKUP_MS);
      if (rate.exceeded) return { admitted: false, refusal: 429, rate };
      return enabled && featureOn ? { admitted: true, source, rate } : { admitted: false, refusal: 403, rate, source };
    },
    async receive(post, admitted, signed, read) {
      const found = await lookUp(core, post);
      if (!found) return refused(404, "NOT_FOUND", "the key was replaced while the post came in");
      if (!found.enabled || !found.featureOn) return refused(403, "FORBIDDEN", "the webhook is switched off");
      const forged = genuine(found, signed);
      if (forged !== undefined) return refused(401, "UNAUTHENTICATED", forged);
      const payload = await read();
      const challenge = challengeIn(found, payload);
      if (challenge !== undefined) return { outcome: "CHALLENGE", challenge };
      return accept({ ...found, id: admitted.id }, { headers: signed.headers as PostHeaders, payload });
    },
  };
}
