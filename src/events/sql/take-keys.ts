import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/** Keys that another transaction is taking right now are waited for. @returns those that are ours */
export const takeKeyRows = statement({
  name: "take-keys",
  text: `INSERT INTO idempotency_key (organization_id, space, key, body_hash, status, answer)
         SELECT * FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", space: "$2::text[]", key: "$3::text[]", body_hash: "$4::bytea[]", status: "$5::int4[]", answer: "$6::text[]" })}
         ON CONFLICT DO NOTHING RETURNING organization_id, space, key`,
  row: { organization_id: "uuid", space: "text", key: "text" },
});

export const keptKeys = statement({
  name: "kept-keys",
  text: `SELECT k.organization_id, k.space, k.key, k.body_hash, k.status, k.answer
         FROM ${rowsFrom("u", { o: "$1::uuid[]", s: "$2::text[]", k: "$3::text[]" })}
         JOIN idempotency_key k ON k.organization_id = u.o AND k.space = u.s AND k.key = u.k`,
  row: { organization_id: "uuid", space: "text", key: "text", body_hash: "bytea", status: "int4", answer: "text" },
});

export const dropKeys = statement({
  name: "drop-keys",
  text: `DELETE FROM idempotency_key k USING ${rowsFrom("u", { o: "$1::uuid[]", s: "$2::text[]", k: "$3::text[]" })}
         WHERE k.organization_id = u.o AND k.space = u.s AND k.key = u.k`,
  row: {},
});

export const keepKeyAnswers = statement({
  name: "keep-key-answers",
  text: `UPDATE idempotency_key k SET status = u.status, answer = u.answer
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", space: "$2::text[]", key: "$3::text[]", status: "$4::int4[]", answer: "$5::text[]" })}
         WHERE k.organization_id = u.organization_id AND k.space = u.space AND k.key = u.key`,
  row: {},
});
