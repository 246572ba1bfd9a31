/** Episodes: what was told and is not over. */
import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";
import { definitionOf } from "../../delivery/sql/definition-of.ts";
import { FIRST_NEW } from "../../delivery/sql/first-new.ts";

const DEFINITION_IS_GONE = `(
        SELECT d.deleted_at IS NULL FROM ${definitionOf("a.subject_id")} d WHERE d.organization_id = a.organization_id) IS NOT TRUE`;
/** Without a refusal for so long a quota's episode is over. */
const REFUSED_NO_MORE = "interval '10 minutes'";
const MAIL_EPISODE = "interval '1 day'";

/**
 * $1 the lowest id of a request that is young enough. Episodes that are over, and those of what is gone. One of a kind that is not known
 * here is a newer version's, which ends it itself. Each looks its lane up: of an EXISTS, Postgres may make one list of all lanes.
 */
export const endEpisodes = statement({
  name: "end-alert-episodes",
  text: `DELETE FROM alert a WHERE CASE a.kind
      WHEN 'lane.blocked' THEN (
        SELECT l.blocked_request_id FROM lane l WHERE l.organization_id = a.organization_id AND l.id = a.subject_id) IS NULL
      WHEN 'lane.lagging' THEN COALESCE((
        SELECT e.request_id FROM lane l JOIN lane_entry e ON e.organization_id = l.organization_id AND e.lane_id = l.id AND e.position >= ${FIRST_NEW}
         WHERE l.organization_id = a.organization_id AND l.id = a.subject_id ORDER BY e.position LIMIT 1) >= $1::uuid, true)
      WHEN 'definition.failing' THEN ${DEFINITION_IS_GONE}
      WHEN 'definition.stopped' THEN ${DEFINITION_IS_GONE}
      WHEN 'quota.reached' THEN a.seen_at < now() - ${REFUSED_NO_MORE}
      WHEN 'mail.failed' THEN a.began_at < now() - ${MAIL_EPISODE}
      ELSE false
    END`,
  row: {},
});

/** $1 organization · $2 kinds · $3 subjects · $4 causes. @returns those that were not told of yet, which is once, whoever asks */
export const beginEpisodes = statement({
  name: "begin-alert-episodes",
  text: `INSERT INTO alert AS a (organization_id, kind, subject_id, cause)
    SELECT $1::uuid, u.kind, u.subject_id, u.cause FROM ${rowsFrom("u", { kind: "$2::text[]", subject_id: "$3::uuid[]", cause: "$4::text[]" })}
     ORDER BY u.kind, u.subject_id
    ON CONFLICT (organization_id, kind, subject_id) DO UPDATE SET cause = EXCLUDED.cause, began_at = now() WHERE a.cause <> EXCLUDED.cause
    RETURNING a.kind, a.subject_id`,
  row: { kind: "text", subject_id: "uuid" },
});

/**
 * $1 organization · $2 definition · $3 since when attempts are looked at. What was delivered before the definition failed, or was stopped,
 * says nothing of its receiver now: one that was just activated has made no call yet.
 * @returns a row for each episode that this ended
 */
export const recoverDefinition = statement({
  name: "recover-definition",
  text: `DELETE FROM alert a WHERE a.organization_id = $1::uuid AND a.subject_id = $2::uuid AND a.kind IN ('definition.failing', 'definition.stopped')
       AND (SELECT max(m.last_attempt_at) FROM delivery_minute m
         WHERE m.organization_id = $1::uuid AND m.definition_id = $2::uuid AND m.minute >= $3::timestamptz AND m.delivered > 0) > (
         SELECT max(b.began_at) FROM alert b
         WHERE b.organization_id = $1::uuid AND b.subject_id = $2::uuid AND b.kind IN ('definition.failing', 'definition.stopped'))
    RETURNING a.kind`,
  row: { kind: "text" },
});

/** Definitions that were told of. */
export const openEpisodes = statement({
  name: "open-definition-episodes",
  text: `SELECT DISTINCT a.organization_id, a.subject_id FROM alert a WHERE a.kind IN ('definition.failing', 'definition.stopped')`,
  row: { organization_id: "uuid", subject_id: "uuid" },
});

/**
 * $1 organization · $2 the quota · $3 what the episode is called, should it begin now · $4 milliseconds since it refused.
 * @returns whether it begins now, which is once, whoever asks; nothing when the organization is gone
 */
export const seeRefusal = statement({
  name: "see-quota-refusal",
  text: `INSERT INTO alert AS a (organization_id, kind, subject_id, cause, seen_at)
    SELECT o.id, 'quota.reached', $2::uuid, $3::text, now() - $4::float8 * interval '1 millisecond' FROM organization o WHERE o.id = $1::uuid
    ON CONFLICT (organization_id, kind, subject_id) DO UPDATE SET seen_at = greatest(a.seen_at, EXCLUDED.seen_at),
      began_at = CASE WHEN a.seen_at < EXCLUDED.seen_at - ${REFUSED_NO_MORE} THEN now() ELSE a.began_at END,
      cause = CASE WHEN a.seen_at < EXCLUDED.seen_at - ${REFUSED_NO_MORE} THEN EXCLUDED.cause ELSE a.cause END
    RETURNING a.cause = $3::text AS began`,
  row: { began: "bool" },
});

/** $1 organization · $2 the address. */
export const endMailEpisode = statement({
  name: "end-mail-episode",
  text: `DELETE FROM alert a WHERE a.organization_id = $1::uuid AND a.kind = 'mail.failed' AND a.subject_id = $2::uuid`,
  row: {},
});
