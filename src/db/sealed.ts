/** Every place that holds a text sealed by the vault; `place` as the code that seals it says. */
export const SEALED: readonly [table: string, column: string, place: string][] = [
  ["signing_secret", "ciphertext", "organization_id || '/' || definition_id || '/signing/' || version"],
  ["secret_key", "ciphertext", "organization_id || '/secret-key/' || id"],
  ["webhook_definition", "headers", "organization_id || '/' || id || '/headers'"],
  ["webhook_definition", "hidden_properties", "organization_id || '/' || id || '/properties'"],
  ["connection", "headers", "organization_id || '/' || id || '/headers'"],
  ["inbound_webhook", "secret_ciphertext", "organization_id || '/inbound-webhook/' || id"],
];

/** Rows of one of these places: id, the sealed text, its place. */
export function sealedRows([table, column, place]: (typeof SEALED)[number], where = "true"): string {
  return `SELECT id, ${column} AS sealed, ${place} AS place FROM ${table} WHERE ${column} IS NOT NULL AND ${where} ORDER BY id`;
}
