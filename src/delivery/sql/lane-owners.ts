import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/** Whose lanes these are: a wake-up names no more than the lane. */
export const laneOwners = statement({
  name: "lane-owners",
  text: `SELECT l.organization_id, l.id, l.definition_id
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })} JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id`,
  row: { organization_id: "uuid", id: "uuid", definition_id: "uuid" },
});
