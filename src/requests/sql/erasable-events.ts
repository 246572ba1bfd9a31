/** Events along their ids, for erasures. */
import { statement } from "../../db/statement.ts";

/** $1 organization · $2 after this id · $3 up to this id · $4 how many · $5 $6 accepted since (inclusive), and before; null: whenever */
export const erasableEvents = statement({
  name: "erasable-events",
  text: `SELECT v.id, v.type, v.entity, v.entity_id,
      v.erased_at IS NULL AND v.created_at >= COALESCE($5::timestamptz, '-infinity') AND v.created_at < COALESCE($6::timestamptz, 'infinity') AS inside
    FROM event v WHERE v.organization_id = $1::uuid AND v.id > $2::uuid AND v.id <= $3::uuid ORDER BY v.id LIMIT $4::int`,
  row: { id: "uuid", type: "text", entity: "text?", entity_id: "text?", inside: "bool" },
});
