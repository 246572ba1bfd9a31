import { statement } from "../../db/statement.ts";

/** Keys that another transaction is taking right now are waited for. @returns those that are ours */
export const takeKeyRows = statement({
  name: "take-keys",
  text: `INSERT INTO idempotency_key (organization_id, space, key, body_hash, status, answer)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::int4[], $6::text[])
         ON CONFLICT DO NOTHING RETURNING organization_id, space, key`,
  row: { organization_id: "uuid", space: "text", key: "text" },
});

export const keptKeys = statement({
  name: "kept-keys",
  text: `SELECT k.organization_id, k.space, k.key, k.body_hash, k.status, k.answer
         FROM unnest($1::uuid[], $2::text[], $3::text[]) AS u(o, s, k)
         JOIN idempotency_key k ON k.organization_id = u.o AND k.space = u.s AND k.key = u.k`,
  row: { organization_id: "uuid", space: "text", key: "text", body_hash: "bytea", status: "int4", answer: "text" },
});

export const dropKeys = statement({
  name: "drop-keys",
  text: `DELETE FROM idempotency_key k USING unnest($1::uuid[], $2::text[], $3::text[]) AS u(o, s, k)
         WHERE k.organization_id = u.o AND k.space = u.s AND k.key = u.k`,
  row: {},
});

export const keepKeyAnswers = statement({
  name: "keep-key-answers",
  text: `UPDATE idempotency_key k SET status = u.status, answer = u.answer
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int4[], $5::text[]) AS u(organization_id, space, key, status, answer)
         WHERE k.organization_id = u.organization_id AND k.space = u.space AND k.key = u.key`,
  row: {},
});
