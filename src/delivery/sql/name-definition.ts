import { statement } from "../../db/statement.ts";

/** $1 organization · $2 definition · $3 request, or null: what people call them */
export const nameDefinition = statement({
  name: "name-definition",
  text: `SELECT o.name AS organization, d.name, d.code, r.number AS request FROM webhook_definition d
      JOIN organization o ON o.id = d.organization_id
      LEFT JOIN webhook_request r ON r.organization_id = d.organization_id AND r.id = $3::uuid
    WHERE d.organization_id = $1::uuid AND d.id = $2::uuid`,
  row: { organization: "text", name: "text", code: "text", request: "int8?" },
});
