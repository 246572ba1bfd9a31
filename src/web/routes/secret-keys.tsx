export function SecretKeys() {
  return null;
}
