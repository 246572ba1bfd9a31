import { statement } from "../../db/statement.ts";
import { definitionOf } from "./definition-of.ts";

/** $1 organization · $2 definition, or null · $3 request, or null: what people call them */
export const nameDefinition = statement({
  name: "name-definition",
  text: `SELECT o.name AS organization, d.name, d.code, r.number AS request FROM organization o
      LEFT JOIN ${definitionOf("$2::uuid")} d ON d.organization_id = o.id
      LEFT JOIN webhook_request r ON r.organization_id = o.id AND r.id = $3::uuid
    WHERE o.id = $1::uuid`,
  row: { organization: "text", name: "text?", code: "text?", request: "int8?" },
});
