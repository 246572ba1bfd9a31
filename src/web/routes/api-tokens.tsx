export function ApiTokens() {
  return null;
}
