/** What the two running roles may do with each table. Nobody may TRUNCATE, make a trigger or refer to a table but its owner. */

const ALL = "DELETE, INSERT, SELECT, UPDATE";
const APPEND = "INSERT, SELECT";

/** What migrations have done: read by those that wait for it. */
const RECORDS = new Set(["_prisma_migrations", "_hookline_migration_step"]);
/** Of nobody's, or everybody's. */
const ENGINES_ALONE = new Set(["epoch", "rate_bucket", "hot_partition"]);

/** A tenant reads everything that is its own, and changes its configuration. The log and its lanes are the engine's to write. */
const TENANT_CHANGES: Record<string, string> = {
  ...Object.fromEntries(
    [
      ...["users", "api_token", "session", "event_type", "webhook_definition", "signing_secret", "secret_key", "connection"],
      ...[
        "application",
        "web_service",
        "workflow_rule",
        "workflow_rule_definition",
        "script",
        "replay",
        "goal",
        "goal_value",
        "inbound_webhook",
      ],
    ].map((table) => [table, ALL]),
  ),
  organization: "SELECT, UPDATE",
  organization_counter: "SELECT, UPDATE",
  // Their triggers write these with the rights of whoever changed a definition.
  organization_catalog: "INSERT, SELECT, UPDATE",
  definition_counter: "INSERT, SELECT, UPDATE",
  audit_entry: APPEND,
};

export type Kind = "table" | "partition" | "view" | "sequence" | "queue";

/** In the order of the alphabet, as the catalogue gives them; empty: none. */
export function engineRights(kind: Kind, name: string): string {
  if (kind === "sequence") return "USAGE";
  if (kind === "view" || RECORDS.has(name)) return "SELECT";
  // Retention walks through one partition at a time.
  if (kind === "partition") return "DELETE, SELECT, UPDATE";
  return name === "audit_entry" ? APPEND : ALL;
}

export function tenantRights(kind: Kind, name: string): string {
  if (kind === "sequence") return "USAGE";
  if (kind !== "table" || RECORDS.has(name) || ENGINES_ALONE.has(name)) return "";
  return TENANT_CHANGES[name] ?? "SELECT";
}
