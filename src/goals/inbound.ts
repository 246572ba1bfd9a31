/**
 * A post to an inbound URL: who may record, how often, and the recording itself.
 * Judged twice: before the body is read, and again inside the transaction that records, because a slow body leaves
 * time for a rotation, a switch or a deletion.
 */
import { createHash } from "node:crypto";
import { networkOf } from "../accounts/password-door.ts";
import { createRateLimiter, type Rate, type RateLimiter } from "../accounts/rate-limit.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { transactionUntil } from "../db/deadline.ts";
import { ConflictError, IdempotencyKeyReusedError } from "../errors.ts";
import type { Ingest } from "../events/ingest.ts";
import type { TraceContext } from "../observe/tracing.ts";
import { hashToken, sameBytes } from "../vault.ts";
import { globalId, idOf } from "../wire/ids.ts";
import { readDatum, type SentDatum } from "./datum.ts";
import { GOAL_COLUMNS, type Goal } from "./goals.ts";
import { announce, type GoalValue, VALUE_BYTES, writeValue } from "./values.ts";

/** From the last byte of a post until its answer. */
export const PROCESSING_MS = 10_000;

/** Why a post is refused before its body counts; the numbers are RESULTS.com's answers. */
export type Refusal = 401 | 403 | 404 | 410 | 429;

export interface Post {
  /** As it stands in the URL. */
  goalId: string;
  key: string;
  /** The client's, behind trusted proxies. */
  address: string;
  /** Of the call. */
  trace?: TraceContext | undefined;
}

export interface Target {
  goal: Goal;
  webhookId: string;
}

/** Whose log a post is noted in. */
export interface Source {
  id: string;
  organizationId: string;
}

export type Admission =
  | { admitted: true; target: Target; source: Source; rate: Rate }
  | { admitted: false; refusal: Refusal; rate: Rate; source?: Source };

export interface Recording {
  /** 201: added; 200: a value of that date was replaced. */
  status: 200 | 201;
  /** JSON text; a replay of an Idempotency-Key gives the first answer byte for byte. */
  answer: string;
  /** It is the answer of an earlier post with the same Idempotency-Key. */
  again?: true;
}

export interface Idempotency {
  key: string;
  /** Raw: another body under the same key is a mistake. */
  body: Uint8Array;
}

export interface Inbound {
  /** Refuses from memory what is known to be over its limit; needs no database. */
  remembered(post: Post): Rate | undefined;
  /** The same when the database is away, for a right key whose goal's bucket was full when last seen. */
  rememberedGoal(post: Post): Rate | undefined;
  admit(post: Post): Promise<Admission>;
  /**
   * @throws DatumError IdempotencyKeyReusedError ConflictError (in flight) UnavailableError TimedOutError RateLimitedError
   */
  record(post: Post, target: Target, sent: SentDatum, idempotency?: Idempotency): Promise<Recording | { refusal: Refusal }>;
}

/** The goal, whatever its organization, and the webhook that has the key, whatever its goal. */
const LOOKUP = `
  SELECT g.*, w.id AS "webhookId", w.goal_id AS "keyGoalId", w.organization_id AS "keyOrganizationId", w.enabled,
    o.features @> ARRAY['INBOUND_WEBHOOKS']::feature[] AS "featureOn"
  FROM (SELECT ${GOAL_COLUMNS} FROM goal WHERE id = $1) g
  JOIN organization o ON o.id = g."organizationId"
  LEFT JOIN inbound_webhook w ON w.key_hash = $2`;

type Found = Goal & {
  webhookId: string | null;
  keyGoalId: string | null;
  keyOrganizationId: string | null;
  enabled: boolean | null;
  featureOn: boolean;
};

type Judgement = { refusal: 401 | 404 } | { target: Target; refusal: 403 | 410 | undefined };

/**
 * Unknown goal, or a key of another organization: 404, told apart nowhere. An unknown key, or one of another goal of the
 * same organization: 401.
 */
function judge(found: Found | undefined): Judgement {
  if (!found) return { refusal: 404 };
  const { webhookId, keyGoalId, keyOrganizationId, enabled, featureOn, ...goal } = found;
  if (webhookId === null) return { refusal: 401 };
  if (keyOrganizationId !== goal.organizationId) return { refusal: 404 };
  if (keyGoalId !== goal.id) return { refusal: 401 };
  const refusal = !enabled || !featureOn ? 403 : goal.deletedAt !== null ? 410 : undefined;
  return { target: { goal, webhookId }, refusal };
}

/** @param processingMs how long one post may take of us; a shorter one is for tests */
export function createInbound(core: Core, ingest: Ingest, processingMs: number = PROCESSING_MS): Inbound {
  const goals = createRateLimiter(core, "goal", core.config.inboundGoalLimit);
  const addresses = createRateLimiter(core, "address", core.config.inboundAddressLimit);
  /** Keys that were right when last seen, by their hash, with their goal: a wrong key must not learn a goal's limit. */
  const seenKeys = new Map<string, string>();

  const refuse = async (address: string, refusal: 401 | 404): Promise<Admission> => {
    const rate = await addresses.hit(networkOf(address), processingMs);
    return { admitted: false, refusal: rate.exceeded ? 429 : refusal, rate };
  };

  return {
    remembered: ({ address }) => addresses.remembered(networkOf(address)),
    rememberedGoal: (post) => rememberedGoal(goals, seenKeys, post),
    async admit(post) {
      const { goalId, key, address } = post;
      const limited = await addresses.peek(networkOf(address), processingMs);
      if (limited.exceeded) return { admitted: false, refusal: 429, rate: limited };
      const id = idOf("Goal", goalId);
      const judged = id === undefined ? ({ refusal: 404 } as const) : judge(await lookUp(core, id, key, processingMs));
      if (!("target" in judged)) return refuse(address, judged.refusal);
      const { goal, webhookId } = judged.target;
      const rate = await goals.hit(goal.id, processingMs);
      if (seenKeys.size > 10_000) seenKeys.clear();
      seenKeys.set(fingerprint(post), goal.id);
      const refusal = rate.exceeded ? 429 : judged.refusal;
      const source = { id: webhookId, organizationId: goal.organizationId };
      return refusal === undefined ? { admitted: true, target: judged.target, source, rate } : { admitted: false, refusal, rate, source };
    },
    async record(post, target, sent, idempotency) {
      readDatum(sent, target.goal); // a bad body costs no transaction
      const deadline = performance.now() + processingMs;
      // Who lost the answer learns it, whatever is used up since.
      const known = idempotency && (await recorded(core.db.pool, target, idempotency));
      if (known) return known;
      await ingest.admit(target.goal.organizationId, 1, VALUE_BYTES);
      let committed = () => {};
      const done = await ingest.withNumbers(() =>
        transactionUntil(core.db, Math.max(1, deadline - performance.now()), async (client) => {
          const remembered = idempotency && (await replay(client, target, idempotency));
          if (remembered) return remembered;
          const held = await hold(client, target.goal.id, post.key);
          if ("refusal" in held) return held;
          const written = await writeValue(core, client, held.goal, readDatum(sent, held.goal));
          const recording: Recording = { status: written.replaced ? 200 : 201, answer: JSON.stringify(shown(written.goalValue)) };
          await client.query("UPDATE inbound_webhook SET last_received_at = now() WHERE id = $1", [held.webhookId]);
          if (idempotency) await remember(client, held, idempotency, recording);
          committed = await announce(core, ingest, client, held.goal, written, { trace: post.trace });
          return recording;
        }),
      );
      committed();
      return done;
    },
  };
}

function fingerprint({ goalId, key }: Post): string {
  return createHash("sha256").update(`${goalId}/${key}`).digest("base64");
}

function rememberedGoal(goals: RateLimiter, seenKeys: ReadonlyMap<string, string>, post: Post): Rate | undefined {
  const goalId = seenKeys.get(fingerprint(post));
  return goalId === undefined ? undefined : goals.remembered(goalId);
}

async function lookUp(core: Core, goalId: string, key: string, timeoutMs: number): Promise<Found | undefined> {
  // `query_timeout` is pg's own, missing in its types.
  const query = { text: LOOKUP, values: [goalId, Buffer.from(hashToken(key))], query_timeout: timeoutMs };
  return (await core.db.pool.query<Found>(query as { text: string; values: unknown[] })).rows[0];
}

/** The lock comes first, the judgement after it: what is read then is how things stand while the value is recorded. */
async function hold(client: PoolClient, goalId: string, key: string): Promise<Target | { refusal: Refusal }> {
  await client.query("SELECT 1 FROM goal WHERE id = $1 FOR NO KEY UPDATE", [goalId]);
  const { rows } = await client.query<Found>(LOOKUP, [goalId, Buffer.from(hashToken(key))]);
  const judged = judge(rows[0]);
  return "target" in judged && judged.refusal === undefined ? judged.target : { refusal: judged.refusal as Refusal };
}

function shown({ goalId, date, value, goodThreshold, badThreshold }: GoalValue) {
  return { goalId: globalId("Goal", goalId), date, value, goodThreshold, badThreshold };
}

const bodyHash = (body: Uint8Array) => createHash("sha256").update(body).digest();

/** The first answer, when this key was used with this body; holds the key until the transaction ends. */
async function replay(client: PoolClient, { goal, webhookId }: Target, { key, body }: Idempotency): Promise<Recording | undefined> {
  const { rows: locks } = await client.query<{ free: boolean }>("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS free", [
    `inbound/${webhookId}/${key}`,
  ]);
  if (!locks[0]?.free)
    throw new ConflictError("a post with this Idempotency-Key is being processed; try again", "IDEMPOTENCY_KEY_IN_FLIGHT");
  return recorded(client, { goal, webhookId }, { key, body });
}

/** @throws IdempotencyKeyReusedError for a key that was used with another body */
async function recorded(
  client: Pick<PoolClient, "query">,
  { goal, webhookId }: Target,
  { key, body }: Idempotency,
): Promise<Recording | undefined> {
  const { rows } = await client.query<{ bodyHash: Uint8Array; status: 200 | 201; answer: string }>(
    `SELECT body_hash AS "bodyHash", status, answer FROM idempotency_key WHERE organization_id = $1 AND space = $2 AND key = $3`,
    [goal.organizationId, webhookId, key],
  );
  if (!rows[0]) return undefined;
  if (!sameBytes(rows[0].bodyHash, bodyHash(body))) throw new IdempotencyKeyReusedError();
  return { status: rows[0].status, answer: rows[0].answer, again: true };
}

async function remember(client: PoolClient, { goal, webhookId }: Target, { key, body }: Idempotency, recording: Recording): Promise<void> {
  await client.query(
    "INSERT INTO idempotency_key (organization_id, space, key, body_hash, status, answer) VALUES ($1, $2, $3, $4, $5, $6)",
    [goal.organizationId, webhookId, key, bodyHash(body), recording.status, recording.answer],
  );
}
